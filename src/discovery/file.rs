//! Lists of members in files.

use std::time::Duration;

use ajpgate_config::{IncludedFile, MemberFiles};
use tokio::task::spawn_blocking;

use super::answer::{Found, Listener, SourceAnswer};

/// How long a file must have the same content before it is read: whoever writes it may not be done.
const SETTLES: Duration = Duration::from_millis(200);

/// Looks at the files in each interval, and reads all of them when one has changed, or is new, or has gone.
pub(super) async fn follow(files: &MemberFiles, interval: Duration, listener: &impl Listener) {
    let mut read = Read::default();
    loop {
        let (again, answer) = spawn_blocking({
            let (files, read) = (files.clone(), std::mem::take(&mut read));
            move || read.again(&files)
        })
        .await
        .unwrap_or_else(|error| {
            (
                Read::default(),
                Some(SourceAnswer::Failed(error.to_string())),
            )
        });
        read = again;
        let pause = match answer {
            Some(answer) => {
                listener.hear(answer).await;
                interval
            }
            None => SETTLES.min(interval),
        };
        tokio::time::sleep(pause).await;
    }
}

/// Reads the files now.
pub(crate) fn look(files: &MemberFiles) -> SourceAnswer {
    match files.now() {
        Ok(now) => answer(files, &now),
        Err(why) => SourceAnswer::Failed(why),
    }
}

/// What was seen of the files.
#[derive(Debug, Default)]
struct Read {
    /// The files as they were at the last look.
    seen: Option<Vec<IncludedFile>>,
    /// The answer to them; `None` while they are changing.
    answer: Option<SourceAnswer>,
}

impl Read {
    /// Looks again. No answer while the files are changing.
    fn again(mut self, files: &MemberFiles) -> (Self, Option<SourceAnswer>) {
        let now = match files.now() {
            Ok(now) => now,
            Err(why) => return (self, Some(SourceAnswer::Failed(why))),
        };
        let settled = self.seen.as_ref() == Some(&now) || self.seen.is_none();
        if !settled {
            self.seen = Some(now);
            self.answer = None;
            return (self, None);
        }
        let fresh = self.answer.filter(is_current);
        let answer = fresh.unwrap_or_else(|| answer(files, &now));
        self.seen = Some(now);
        self.answer = Some(answer.clone());
        (self, Some(answer))
    }
}

/// Whether the members have the secrets that their files hold now, and nothing has failed.
fn is_current(answer: &SourceAnswer) -> bool {
    match answer {
        SourceAnswer::Named { found, unheard } => {
            let mut members = found.iter().filter_map(|found| found.member.as_ref());
            unheard.is_empty() && members.all(|it| it.member.has_current_secret())
        }
        SourceAnswer::Empty => true,
        SourceAnswer::Failed(_) => false,
    }
}

fn answer(files: &MemberFiles, now: &[IncludedFile]) -> SourceAnswer {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for file in now {
        let part = file.path.display().to_string();
        match files.read(&file.path, &|name| std::env::var(name).ok()) {
            Ok(members) => {
                let members = members.into_iter();
                found.extend(members.map(|member| Found::whole(member, &part)));
            }
            Err(why) => failed.push((part, why)),
        }
    }
    SourceAnswer::of(found, failed)
}
