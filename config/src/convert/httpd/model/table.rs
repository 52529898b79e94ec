//! Directives that are no business of a gateway's, and those that have no counterpart.

use super::super::tree::Node;
use super::rewrites::TRACE_GOES_ON;
use super::time::switch;
use crate::convert::note::Notes;

/// Counts or names a directive or section that nothing else has taken.
pub(super) fn rest(node: &Node, notes: &mut Notes) {
    if node.name == "traceenable" && switch(node.arguments.trim()) == Some(false) {
        return notes.name(&node.origin, TRACE_GOES_ON);
    }
    if node.name == "userdir"
        && node
            .arguments
            .trim()
            .to_ascii_lowercase()
            .starts_with("disabled")
    {
        return notes.count(&node.origin);
    }
    if node.name == "usecanonicalname" && switch(node.arguments.trim()) == Some(false) {
        return notes.count(&node.origin);
    }
    if is_counted(node) {
        notes.count(&node.origin);
        for inner in node.inner() {
            notes.count(&inner.origin);
        }
        return;
    }
    if node.name == "options" && !lists(node) {
        return notes.count(&node.origin);
    }
    let text = NAMED.iter().find(|(name, _)| *name == node.name);
    let written = &node.written;
    match (text, &node.children) {
        (Some((_, text)), _) => notes.name(&node.origin, format!("{written}: {text}")),
        (None, None) => {
            let text = format!("{written} is left out: it has no counterpart here");
            notes.unknown(&node.origin, text);
        }
        (None, Some(_)) => {
            let text = format!("<{written}> is left out with everything in it");
            notes.unknown(&node.origin, text);
        }
    }
}

/// Whether `Options` switch lists of the files of folders on.
pub(super) fn lists(node: &Node) -> bool {
    let lower = node.arguments.to_ascii_lowercase();
    lower
        .split_whitespace()
        .any(|it| matches!(it, "indexes" | "+indexes" | "all"))
}

/// Whether it is known what a directive or section does.
pub(super) fn is_known(node: &Node) -> bool {
    is_counted(node) || NAMED.iter().any(|(name, _)| *name == node.name)
}

fn is_counted(node: &Node) -> bool {
    let mut starts = COUNTED_STARTS.iter();
    COUNTED.contains(&&*node.name) || starts.any(|start| node.name.starts_with(start))
}

/// Modules, processes, files of httpd's own, logs, and what ajpgate always does.
const COUNTED: &[&str] = &[
    "acceptfilter",
    "accessfilename",
    "action",
    "addcharset",
    "addencoding",
    "addhandler",
    "addicon",
    "addiconbyencoding",
    "addiconbytype",
    "addalt",
    "addlanguage",
    "addtype",
    "allowoverride",
    "allowoverridelist",
    "browsermatch",
    "browsermatchnocase",
    "bufferedlogs",
    "checkspelling",
    "contentdigest",
    "coredumpdirectory",
    "defaulticon",
    "defaultlanguage",
    "defaultruntimedir",
    "defaulttype",
    "directoryslash",
    "enablemmap",
    "enablesendfile",
    "errorlog",
    "errorlogformat",
    "extendedstatus",
    "fileetag",
    "forcelanguagepriority",
    "forcetype",
    "globallog",
    "gracefulshutdowntimeout",
    "group",
    "headername",
    "hostnamelookups",
    "httpprotocoloptions",
    "identitycheck",
    "indexignore",
    "indexoptions",
    "indexorderdefault",
    "indexstylesheet",
    "keepalive",
    "keepalivetimeout",
    "languagepriority",
    "listenbacklog",
    "listencoresbucketsratio",
    "lockfile",
    "loadfile",
    "loglevel",
    "maxconnectionsperchild",
    "maxkeepaliverequests",
    "maxmemfree",
    "maxrequestsperchild",
    "maxsparethreads",
    "maxspareservers",
    "mimemagicfile",
    "minsparethreads",
    "minspareservers",
    "multiviewsmatch",
    "mutex",
    "namevirtualhost",
    "passenv",
    "pidfile",
    "protocolshonororder",
    "proxystatus",
    "proxyvia",
    "proxyreceivebuffersize",
    "readmename",
    "rewritelog",
    "rewriteloglevel",
    "scoreboardfile",
    "scriptsock",
    "serveradmin",
    "serversignature",
    "servertokens",
    "startservers",
    "threadlimit",
    "threadsperchild",
    "threadstacksize",
    "traceenable",
    "transferlog",
    "typesconfig",
    "usecanonicalphysicalport",
    "user",
    "unsetenv",
    "removehandler",
    "removetype",
    "sslmutex",
    "sslpassphrasedialog",
    "sslrandomseed",
    "sslsessioncache",
    "sslsessioncachetimeout",
    "sslcryptodevice",
    "sslstaplingcache",
    "sslhonorcipherorder",
    "sslcompression",
    "sslsessiontickets",
    "sslstrictsnivhostcheck",
    "sslinsecurerenegotiation",
    "directory",
    "directorymatch",
    "files",
    "filesmatch",
    "xbithack",
    "cgidscriptsock",
    "jkshmfile",
    "jkshmsize",
    "jklogfile",
    "jkloglevel",
    "jklogstampformat",
    "jkwatchdoginterval",
    "jkrequestlogformat",
    "jkstripsession",
];

/// The same, by how they begin.
const COUNTED_STARTS: &[&str] = &[
    "php_",
    "wsgi",
    "perl",
    "passenger",
    "mime",
    "h2",
    "deflate",
    "brotli",
];

/// What has no counterpart, with what to do.
const NAMED: &[(&str, &str)] = &[
    (
        "userdir",
        "left out: folders of users (/~name) are not served here: write `files` for their paths, if they are wanted",
    ),
    (
        "fallbackresource",
        "left out: what is no file is 404 here; httpd goes on with this path for it: write a mapping of the paths with `to`",
    ),
    (
        "if",
        "left out with everything in it: conditions of requests are `when`, `hosts`, `scheme` and `match` here",
    ),
    ("elseif", "left out with everything in it"),
    ("else", "left out with everything in it"),
    (
        "sslocspenable",
        "left out: nobody is asked by OCSP whether a client's certificate is revoked: name a list of revoked ones in \
         `client_crl` of the listener, or revoked certificates come in",
    ),
    (
        "addoutputfilter",
        "left out: nothing here changes what stands in a file or an answer, such as <!--# … --> (INCLUDES): let the application \
         make such pages",
    ),
    (
        "setoutputfilter",
        "left out: nothing here changes what stands in a file or an answer, such as <!--# … --> (INCLUDES): let the application \
         make such pages",
    ),
    (
        "usecanonicalname",
        "left out: backends are told the host that the client has named, and redirects to a path keep it; httpd says ServerName in \
         both: where it matters, write `redirect` with the whole URL",
    ),
    (
        "proxymatch",
        "left out with everything in it: put its keys into the mappings",
    ),
];
