//! Files of users, as `htpasswd` of httpd writes them: `name:hash` lines (its manual page).

use std::collections::HashMap;

use sha_crypt::{PasswordHash, PasswordVerifier as _, ShaCrypt};

/// Largest file in bytes.
pub(super) const LARGEST: u64 = 16 * 1024 * 1024;

/// Longest password that is hashed, in bytes. The cost of SHA crypt grows with it.
const LONGEST_PASSWORD: usize = 255;

/// Longest name of a user, in bytes.
const LONGEST_NAME: usize = 255;

/// Most rounds of SHA crypt, and the highest cost of bcrypt: both take about two seconds.
const MOST_ROUNDS: u32 = 2_000_000;
const HIGHEST_COST: u32 = 15;

/// Fewest rounds of SHA crypt (crypt(5)).
const FEWEST_ROUNDS: u32 = 1_000;

/// Most kinds of hashes whose time a wrong password takes.
const MOST_KINDS: usize = 8;

/// Rounds of SHA crypt where a hash does not name them (crypt(5)).
const USUAL_ROUNDS: u32 = 5_000;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The users of one file.
#[derive(Default)]
pub(crate) struct Users {
    hashes: HashMap<String, Hash>,
    /// The kinds of hashes that there are, each with the name of a user who has one.
    kinds: Vec<(Kind, String)>,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Users({})", self.count())
    }
}

/// The hash of a password.
struct Hash {
    kind: Kind,
    text: HashText,
}

enum HashText {
    Bcrypt(String),
    ShaCrypt(PasswordHash),
}

/// What says how long the check of a password takes: the scheme, with its cost or its rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bcrypt(u32),
    Sha256(u32),
    Sha512(u32),
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// From 1 on.
    pub(crate) line: usize,
    /// The name of its user; `None` where the line does not say it.
    pub(crate) user: Option<String>,
    pub(crate) why: Why,
}

/// Why a line cannot be used. Its text never has a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Why {
    #[error("the line is not UTF-8")]
    NotText,
    #[error("there is no `:` behind the name of the user")]
    NoColon,
    #[error(
        "the name of the user is empty, longer than {LONGEST_NAME} bytes, has control characters, or begins or ends with white space"
    )]
    Name,
    #[error("the user is already in line {0}")]
    Twice(usize),
    #[error("{0} is not taken: write the line with `htpasswd -B`, which makes bcrypt")]
    Scheme(&'static str),
    #[error("the hash is broken")]
    Hash,
    #[error("the cost of the hash is above {HIGHEST_COST}")]
    Cost,
    #[error("the rounds of the hash are not {FEWEST_ROUNDS} to {MOST_ROUNDS}")]
    Rounds,
}

impl Users {
    /// Reads a file. Empty lines and lines that begin with `#` are left out.
    ///
    /// # Errors
    /// Every line that cannot be used.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Vec<BadLine>> {
        // Some editors write it; it would be part of the first name.
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut users = Self::default();
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut bad = Vec::new();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let number = at + 1;
            let read = read(line).and_then(|read| match read {
                Some((name, _)) if lines.contains_key(&name) => {
                    Err(Why::Twice(lines.get(&name).copied().unwrap_or_default()))
                }
                read => Ok(read),
            });
            match read {
                Ok(Some((name, hash))) => {
                    lines.insert(name.clone(), number);
                    users.note(hash.kind, &name);
                    users.hashes.insert(name, hash);
                }
                Ok(None) => {}
                Err(why) => bad.push(BadLine {
                    line: number,
                    user: user(line).map(str::to_owned),
                    why,
                }),
            }
        }
        match bad.is_empty() {
            true => Ok(users),
            false => Err(bad),
        }
    }

    /// The number of users.
    pub(crate) fn count(&self) -> usize {
        self.hashes.len()
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.hashes.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Remembers the kind of a hash, and who has one.
    fn note(&mut self, kind: Kind, name: &str) {
        let is_new = self.kinds.iter().all(|(known, _)| *known != kind);
        if is_new && self.kinds.len() < MOST_KINDS {
            self.kinds.push((kind, name.to_owned()));
        }
    }

    /// Whether this is the password of the user. What is wrong takes the time of one hash of each kind that the file has,
    /// whoever is asked for: so the time tells neither whether there is such a user, nor which kind of hash it has.
    pub(super) fn verify(&self, user: &str, password: &[u8]) -> bool {
        let own = self.hashes.get(user);
        if own.is_some_and(|hash| hash.verify(password)) {
            return true;
        }
        for hash in self.others(own.map(|hash| hash.kind)) {
            std::hint::black_box(hash.verify(password));
        }
        false
    }

    /// One hash of each kind but this one.
    fn others(&self, own: Option<Kind>) -> impl Iterator<Item = &Hash> {
        let kinds = self.kinds.iter();
        let others = kinds.filter(move |(kind, _)| own != Some(*kind));
        others.filter_map(|(_, name)| self.hashes.get(name))
    }
}

impl Hash {
    fn verify(&self, password: &[u8]) -> bool {
        if password.len() > LONGEST_PASSWORD {
            return false;
        }
        match &self.text {
            HashText::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            HashText::ShaCrypt(hash) => ShaCrypt::default().verify_password(password, hash).is_ok(),
        }
    }
}

/// The user of a line with the hash; `None` for a line without one.
fn read(line: &[u8]) -> Result<Option<(String, Hash)>, Why> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| Why::NotText)?;
    if text.trim().is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (_, rest) = text.split_once(':').ok_or(Why::NoColon)?;
    let name = user(line).ok_or(Why::Name)?;
    // httpd takes no notice of what is behind another colon.
    let hash = rest.split(':').next().unwrap_or_default().trim_end();
    Ok(Some((name.to_owned(), hash_of(hash)?)))
}

/// The name of the user of a line; `None`: there is no name that a user may have.
fn user(line: &[u8]) -> Option<&str> {
    let (name, _) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let fits = (1..=LONGEST_NAME).contains(&name.len())
        && name.trim() == name
        && !name.chars().any(char::is_control);
    fits.then_some(name)
}

fn hash_of(text: &str) -> Result<Hash, Why> {
    let begins = |prefix: &str| text.starts_with(prefix);
    match () {
        () if ["$2y$", "$2b$", "$2a$"].into_iter().any(begins) => bcrypt_of(text),
        () if begins("$6$") || begins("$5$") => sha_crypt_of(text),
        () if begins("$apr1$") || begins("$1$") => Err(Why::Scheme("MD5")),
        () if begins("{SHA}") => Err(Why::Scheme("SHA-1")),
        () if begins("$2x$") => Err(Why::Scheme("bcrypt of the broken version 2x")),
        () if begins("$y$") || begins("$7$") || begins("$gy$") => {
            Err(Why::Scheme("yescrypt or scrypt"))
        }
        () if begins("$argon2") => Err(Why::Scheme("Argon2")),
        () if begins("$") => Err(Why::Scheme("this kind of hash")),
        () if text.is_empty() => Err(Why::Hash),
        () => Err(Why::Scheme("crypt or a password without a hash")),
    }
}

fn bcrypt_of(text: &str) -> Result<Hash, Why> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| Why::Hash)?;
    match parts.get_cost() {
        cost @ 4..=HIGHEST_COST => Ok(Hash {
            kind: Kind::Bcrypt(cost),
            text: HashText::Bcrypt(text.to_owned()),
        }),
        0..=3 => Err(Why::Hash),
        _ => Err(Why::Cost),
    }
}

/// `$6$salt$hash` or `$6$rounds=5000$salt$hash`. glibc takes fewer rounds for the fewest and more for the most that there
/// may be; no program writes such lines.
fn sha_crypt_of(text: &str) -> Result<Hash, Why> {
    let mut fields = text.split('$').skip(2);
    let mut salt = fields.next().ok_or(Why::Hash)?;
    let mut rounds = USUAL_ROUNDS;
    if let Some(digits) = salt.strip_prefix("rounds=") {
        rounds = rounds_of(digits).ok_or(Why::Rounds)?;
        salt = fields.next().ok_or(Why::Hash)?;
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    let hash = fields.next().ok_or(Why::Hash)?;
    let (kind, length) = match text.starts_with("$6$") {
        true => (Kind::Sha512(rounds), 86),
        false => (Kind::Sha256(rounds), 43),
    };
    let fits = hash.len() == length
        && (1..=16).contains(&salt.len())
        && salt.bytes().chain(hash.bytes()).all(is_letter)
        && fields.next().is_none();
    if !fits {
        return Err(Why::Hash);
    }
    let hash = PasswordHash::new(text).map_err(|_| Why::Hash)?;
    Ok(Hash {
        kind,
        text: HashText::ShaCrypt(hash),
    })
}

/// A number of rounds that is taken.
fn rounds_of(digits: &str) -> Option<u32> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let rounds: u32 = digits.parse().ok().filter(|_| is_number)?;
    (FEWEST_ROUNDS..=MOST_ROUNDS)
        .contains(&rounds)
        .then_some(rounds)
}

#[cfg(test)]
mod tests;
