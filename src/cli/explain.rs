//! `ajpgate explain`: the decisions about a request, made by the same functions as for real requests.

mod files;
mod guarded;
mod outcome;
mod report;
mod unread;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::{Discover, Loaded, MemberSource};
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use percent_encoding::{AsciiSet, CONTROLS};

use self::files::FileAnswer;
use self::guarded::Guarded;
pub(super) use self::outcome::{End, Outcome};
use self::report::{Candidate, Forwarded, Report, Taken, Verdict};
use self::unread::without_files;
use super::arguments::ConfigArgument;
use super::check;
use super::process::{BAD_USAGE, complain, print};
use crate::balancer::{NoMember, Tried, Want};
use crate::client::{self, Client};
use crate::head::RequestHead;
use crate::mount::Captured;
use crate::proxy::{Located, Mapped, Plan, Refusal, Wanted};
use crate::state::{LiveAction, LiveTarget, Snapshot, with_lists};
use crate::telemetry::metrics::Metrics;
use crate::variables::Variables;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// URL of the request, or a path with the Host from -H
    url: String,
    /// A header field of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_field)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Method of the request
    #[arg(short = 'X', long, default_value = "GET")]
    method: Method,
    /// Address of the client's connection, as a PROXY header or the peer gives it
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    from: IpAddr,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Explains one request.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = match check::load_to_ask(&arguments.config.path()) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    let asked = Asked {
        url: &arguments.url,
        headers: &arguments.headers,
        method: arguments.method.clone(),
        from: arguments.from,
    };
    let (head, client) = match request(asked) {
        Ok(request) => request,
        Err(error) => {
            complain(format_args!("ajpgate: {error:#}"));
            return Ok(ExitCode::from(BAD_USAGE));
        }
    };
    let text = reported(&loaded, &head, client, |report| match arguments.json {
        true => format!("{:#}\n", report.json()),
        false => report.to_string(),
    });
    print(&text?)
}

/// What becomes of a GET, in short.
///
/// # Errors
///
/// The URL is none; or a directory that the configuration names cannot be used.
pub(super) fn outcome(loaded: &Loaded, url: &str, from: IpAddr) -> anyhow::Result<Outcome> {
    let (head, client) = request(Asked {
        url,
        headers: &[],
        method: Method::GET,
        from,
    })?;
    reported(loaded, &head, client, Outcome::of)
}

/// Gives the report about a request to `then`.
fn reported<T>(
    loaded: &Loaded,
    head: &RequestHead,
    client: Client,
    then: impl FnOnce(&Report<'_>) -> T,
) -> anyhow::Result<T> {
    // The snapshot is only read: nothing is connected, bound or served.
    let config = without_files(with_lists(&loaded.config));
    let snapshot = Snapshot::new(&config, 1, &Metrics::new())?;
    let client = client::of_request(Arc::new(client), head, &snapshot.trusted);
    let mapped = Mapped::of(&snapshot, head, &client);
    let guarded = match &mapped {
        Ok(mapped) => {
            let Located { index, mapping, .. } = &mapped.located;
            let of_file = loaded.config.mappings.get(*index);
            let identity = of_file.and_then(|it| it.identity.as_ref());
            let trusted = &snapshot.trusted;
            Guarded::of(
                &mapping.guard.access,
                identity,
                &head.fields,
                &client,
                trusted,
            )
        }
        Err(_) => Guarded::default(),
    };
    let report = Report {
        client: &client,
        method: head.method.as_str(),
        target: head.target.to_string(),
        host: client.host_said().map(|host| host.text).or_else(|| {
            let host = head.fields.get("host");
            host.and_then(|host| std::str::from_utf8(host).ok())
        }),
        mapping: mapped
            .as_ref()
            .ok()
            .and_then(|mapped| taken(loaded, mapped)),
        verdict: match (&mapped, &guarded.stopped) {
            (Ok(_), Some((status, reason))) => Verdict::Stopped(*status, reason.clone()),
            (Ok(mapped), None) => explain(&snapshot, mapped, head, &client),
            (Err(refusal), _) => Verdict::Refused(*refusal),
        },
        guarded: &guarded,
    };
    Ok(then(&report))
}

/// The mapping of a request, as the configuration has it, with what it captured.
fn taken<'a>(loaded: &'a Loaded, mapped: &Mapped<'_>) -> Option<Taken<'a>> {
    let Located {
        index,
        mapping,
        normal,
        ..
    } = &mapped.located;
    let captured = mapping.pattern.as_ref().map(|it| it.captured(normal));
    let captures = captured.iter().flat_map(Captured::shown);
    Some(Taken {
        index: *index,
        included: loaded.included(&format!("proxy_pass[{index}]")),
        mapping: loaded.config.mappings.get(*index)?,
        captures: captures
            .map(|(group, text)| (group, text.into_owned()))
            .collect(),
        path: normal.to_string(),
    })
}

/// Makes the decisions about a request, in the order in which they are made for real ones.
fn explain<'a>(
    snapshot: &'a Snapshot,
    mapped: &'a Mapped<'a>,
    head: &'a RequestHead,
    client: &'a Client,
) -> Verdict<'a> {
    match &mapped.located.mapping.action {
        LiveAction::Forward(to) => forward(snapshot, mapped, to, head, client),
        LiveAction::Files(files) => Verdict::File(FileAnswer {
            index: mapped.located.index,
            mapping: mapped.located.mapping.front.path(),
            decided_on: mapped.located.normal.to_string(),
            directory: files.directory(),
            name: mapped
                .wanted_file(snapshot, files)
                .map(|wanted| wanted.to_string()),
        }),
        LiveAction::Redirect(to) => Verdict::Redirected {
            status: to.status,
            location: mapped.redirect(to, client),
        },
        LiveAction::Respond(respond) => Verdict::Fixed {
            status: respond.status.as_u16(),
            bytes: respond.body.as_ref().map_or(0, Bytes::len),
            content_type: respond.content_type.clone(),
        },
        LiveAction::Exclude => Verdict::Refused(Refusal::Excluded {
            index: mapped.located.index,
        }),
    }
}

/// The members that a request would be sent to.
fn forward<'a>(
    snapshot: &'a Snapshot,
    mapped: &'a Mapped<'a>,
    to: &'a LiveTarget,
    head: &'a RequestHead,
    client: &'a Client,
) -> Verdict<'a> {
    let plan = match Plan::new(snapshot, mapped, to, head, client) {
        Ok(plan) => plan,
        Err(refusal) => return Verdict::Refused(refusal),
    };
    let wanted = plan.session(head);
    let choices = choose_all(&plan, &wanted, &head.method);
    if let Some(status) = choices.refused {
        let reason = match status {
            StatusCode::METHOD_NOT_ALLOWED => "the FTP member does not take this method",
            _ => "no command of FTP can carry the path or its `;type=`",
        };
        return Verdict::Stopped(status, reason.to_owned());
    }
    let balancer = &plan.to.balancer;
    Verdict::Forwarded(Box::new(Forwarded {
        balancer: balancer.name(),
        to: match &balancer.variable {
            Some(name) => format!("{name}{}", plan.to.path),
            None => balancer.name().to_owned(),
        },
        query: plan
            .query
            .as_deref()
            .filter(|query| Some(*query) != plan.target.query)
            .map(str::to_owned),
        decided_on: plan.normal.to_string(),
        sticky: balancer.is_sticky(),
        session: wanted.session,
        found: wanted.found,
        method: balancer.core().settings().method,
        candidates: choices.candidates,
        end: choices.end,
        not_asked: not_asked(&balancer.config.discover),
        variables: choices.variables,
    }))
}

/// The sources whose members are not known without asking; lists have been read.
fn not_asked(sources: &[Discover]) -> Vec<String> {
    let sources = sources.iter();
    let others = sources.filter(|source| source.source() != MemberSource::File);
    others.map(Discover::subject).collect()
}

/// The members that a request would try, one after the other.
struct Choices {
    candidates: Vec<Candidate>,
    /// Why no further member was found; `None` when no further try is allowed.
    end: Option<NoMember>,
    /// The variables after the first choice.
    variables: Variables,
    /// The status with which the first member's connector refuses the request before anybody is asked.
    refused: Option<StatusCode>,
}

/// Chooses members until none is left or no further try is allowed, as if each one could not be reached.
fn choose_all(plan: &Plan<'_>, wanted: &Wanted<'_>, method: &Method) -> Choices {
    let balancer = &plan.to.balancer;
    let mut choices = Choices {
        candidates: Vec::new(),
        end: None,
        variables: Variables::default(),
        refused: None,
    };
    if let Some(found) = &wanted.found
        && let Some(route) = found.route
    {
        choices.variables.set_session(found.name, &Arc::from(route));
    }
    let mut tried = Tried::new();
    while choices.candidates.len() < balancer.tries() as usize {
        let want = Want {
            route: wanted.route(),
            tried: &tried,
            has_body: false,
        };
        let chosen = match balancer.choose(want, Instant::now()) {
            Ok(chosen) => chosen,
            Err(nobody) => {
                choices.end = Some(nobody);
                break;
            }
        };
        let member = &chosen.attempt.member;
        let path = plan.path_sent(&plan.back(member)).into_owned();
        if choices.candidates.is_empty() {
            choices.variables.set_member(&chosen.variables(balancer));
            let root = plan.root(member);
            choices.refused = member
                .backend
                .refuses(method, plan.target.path, &path, &root);
        }
        tried.insert(member.id);
        choices.candidates.push(Candidate {
            url: member.url.to_string(),
            route: chosen.route.to_string(),
            how: chosen.how,
            route_changed: chosen.route_changed,
            path,
            destination: plan.destination_sent(member),
        });
    }
    choices
}

/// What stands in a URL as an escape alone.
const NO_PART_OF_A_URL: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Refuses a URL with blanks or letters that no client sends as they are.
///
/// # Errors
///
/// How it is written.
pub(super) fn written_with_escapes(url: &str) -> anyhow::Result<()> {
    let escaped = percent_encoding::utf8_percent_encode(url, NO_PART_OF_A_URL).to_string();
    ensure!(
        escaped == url,
        "{url}: no client sends it so; write {escaped}"
    );
    Ok(())
}

/// A request that is asked about.
struct Asked<'a> {
    url: &'a str,
    headers: &'a [(HeaderName, HeaderValue)],
    method: Method,
    from: IpAddr,
}

/// The request of the command line, and its client.
fn request(asked: Asked<'_>) -> anyhow::Result<(RequestHead, Client)> {
    let url = asked.url;
    let (secure, host, target) = match url.split_once("://") {
        None => {
            ensure!(
                url.starts_with('/') || url == "*",
                "{url}: neither a URL nor a path; is it http://{url}?"
            );
            (false, None, url.to_owned())
        }
        Some((scheme, rest)) => {
            let secure = match &*scheme.to_ascii_lowercase() {
                "http" => false,
                "https" => true,
                _ => bail!("{scheme}: clients speak http or https"),
            };
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, target) = rest.split_at(end);
            ensure!(!authority.is_empty(), "{url}: there is no host");
            let slash = if target.starts_with('/') { "" } else { "/" };
            (secure, Some(authority), format!("{slash}{target}"))
        }
    };
    // Browsers do not send the fragment.
    let target = target.split('#').next().unwrap_or_default();
    written_with_escapes(target)?;
    let uri: Uri = target
        .parse()
        .with_context(|| format!("{target}: not a request target"))?;
    let mut request = Request::builder().method(asked.method).uri(uri);
    let named = asked.headers.iter().any(|(name, _)| name == HOST);
    if !named {
        request = request.header(HOST, host.unwrap_or("localhost"));
    }
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).context("not a request")?.into_parts();
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, if secure { 443 } else { 80 }));
    let mut client = Client::new(SocketAddr::new(asked.from, 0), here);
    client.is_secure = secure;
    Ok((parts.into(), client))
}

fn parse_field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    let name = name.trim().parse().map_err(|_| "not a field name")?;
    let value = value.trim().parse().map_err(|_| "not a field value")?;
    Ok((name, value))
}
