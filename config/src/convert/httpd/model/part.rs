//! What the directives of one server say, the main one or a virtual host.

mod programs;
mod proxy;

use std::path::PathBuf;
use std::time::Duration;

use super::super::tree::Node;
use super::access::Rules;
use super::access_names::{is_about_access, is_program, is_setting};
use super::aliases::Alias;
use super::balancers::Proxies;
use super::bind::bound;
use super::excluding::Hiding;
use super::folders::folder_name;
use super::keeps_out::restricts;
use super::passes::Pass;
use super::place::{Kind, Place, section_text};
use super::redirects::Redirects;
use super::rewrites::Rewrites;
use super::table;
use super::time::{duration, switch};
use super::whole::Whole;
use super::{about, cookies, excluding, fields, handlers, own_files, tls};
use crate::convert::files::below;
use crate::convert::modjk::{Directive, Directives};
use crate::convert::note::{Notes, Origin};
use crate::convert::site::Takes;
use crate::convert::value::{Keys, Value};
use crate::field::Kind as _;
use crate::value::{Bind, ErrorStatus};

/// A section with what it says.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) kind: Kind,
    /// What stands behind its name, in words.
    pub(super) words: Vec<String>,
    pub(super) keys: Keys,
    pub(super) rules: Rules,
    /// Whether files of the folder (`.htaccess`) may say who comes in, and where that stands.
    pub(super) overridden: Option<(bool, Origin)>,
    pub(super) origin: Origin,
    /// Its directives.
    pub(super) lines: Vec<Origin>,
    /// Whether it is `<Location /app/>`, which is not about `/app` itself.
    pub(super) below: bool,
}

/// A server.
#[derive(Debug)]
pub(super) struct Part {
    /// The folder that relative names start from.
    pub(super) root: PathBuf,
    pub(super) origin: Origin,
    /// The addresses of a virtual host.
    pub(super) addresses: Vec<String>,
    /// `ServerName`, then `ServerAlias`, with the places.
    pub(super) names: Vec<(String, Origin)>,
    /// `Listen`.
    pub(super) listens: Vec<(Vec<String>, Origin)>,
    pub(super) secure: Option<bool>,
    /// The last `SSLEngine`.
    pub(super) secure_at: Option<Origin>,
    /// `ProxyPass` outside sections.
    pub(super) passes: Vec<Pass>,
    /// `ProxyPass` in sections.
    pub(super) located: Vec<Pass>,
    pub(super) hiding: Vec<Hiding>,
    pub(super) sections: Vec<Section>,
    pub(super) proxies: Proxies,
    pub(super) preserve_host: Option<bool>,
    pub(super) timeout: Option<Duration>,
    pub(super) proxy_timeout: Option<Duration>,
    pub(super) packet_size: Option<u64>,
    /// `HeartbeatListen` and `HeartbeatStorage`: `heartbeat` of a balancer.
    pub(super) heartbeat: Keys,
    /// `ServerLimit`: processes.
    pub(super) children: Option<(u64, Origin)>,
    /// What mod_jk's directives say.
    pub(super) jk: Directives,
    /// Keys of every mapping.
    pub(super) keys: Keys,
    /// What `Header always` says outside sections.
    pub(super) always: Keys,
    /// `tls` of the listener.
    pub(super) tls: Keys,
    /// The lines about certificates of the listener and of its clients, with their names.
    pub(super) tls_lines: Vec<(String, Origin)>,
    /// `tls` of https members.
    pub(super) member_tls: tls::Members,
    pub(super) redirects: Redirects,
    pub(super) rewrites: Rewrites,
    /// Keys of the whole file.
    pub(super) whole: Whole,
    /// `Alias` and what is like it.
    pub(super) aliases: Vec<Alias>,
    pub(super) document_root: Option<(String, Origin)>,
    /// `DirectoryIndex`: names of pages.
    pub(super) indexes: Vec<(Vec<String>, Origin)>,
    /// `Options Indexes`, with the folder.
    pub(super) listing: Vec<(String, Origin)>,
    /// `ErrorDocument`: status and page.
    pub(super) error_documents: Vec<(String, String, Origin)>,
    /// `ProxyErrorOverride`
    pub(super) error_override: Option<Value>,
    /// What `no-proxy` takes away from all ProxyPass.
    pub(super) excluded: Vec<Pass>,
    /// What becomes of the paths and domains of cookies.
    pub(super) cookies: Vec<cookies::Mapped>,
    /// `Protocols`
    pub(super) protocols: Vec<String>,
    /// `RemoteIPProxyProtocol On`
    pub(super) proxy_protocol: Option<Origin>,
    /// What is said of files of httpd's own: fields of their answers, and their types.
    pub(super) of_files: Vec<own_files::Line>,
    /// The first line by which files are run in place of being sent, such as `AddHandler cgi-script .cgi`.
    pub(super) runs: Option<Origin>,
}

impl Part {
    pub(super) fn new(root: PathBuf, origin: Origin) -> Self {
        Self {
            root,
            origin,
            addresses: Vec::new(),
            names: Vec::new(),
            listens: Vec::new(),
            secure: None,
            secure_at: None,
            passes: Vec::new(),
            located: Vec::new(),
            hiding: Vec::new(),
            sections: Vec::new(),
            proxies: Proxies::default(),
            preserve_host: None,
            timeout: None,
            proxy_timeout: None,
            packet_size: None,
            heartbeat: Keys::default(),
            children: None,
            jk: Directives::default(),
            keys: Keys::default(),
            always: Keys::default(),
            tls: Keys::default(),
            tls_lines: Vec::new(),
            member_tls: tls::Members::default(),
            redirects: Redirects::default(),
            rewrites: Rewrites::default(),
            whole: Whole::default(),
            aliases: Vec::new(),
            document_root: None,
            indexes: Vec::new(),
            listing: Vec::new(),
            error_documents: Vec::new(),
            error_override: None,
            excluded: Vec::new(),
            cookies: Vec::new(),
            protocols: Vec::new(),
            proxy_protocol: None,
            of_files: Vec::new(),
            runs: None,
        }
    }

    /// Takes a directive or a section.
    pub(super) fn take(&mut self, node: &Node, place: &Place, notes: &mut Notes) {
        self.of_folder(node, place);
        self.of_programs(node, place);
        let taken = match node.children {
            Some(_) => self.section(node, place, notes),
            None => {
                self.of_own_files(node, place)
                    || self.of_macro(node, place)
                    || excluding::variables(
                        node,
                        place,
                        (&mut self.redirects, &mut self.excluded, &mut self.jk),
                        notes,
                    )
                    || self.of_jk(node, place, notes)
                    || self.of_server(node, place, notes)
                    || self.of_access(node, place, notes)
                    || self.of_proxy(node, place, notes)
                    || self.of_keys(node, place, notes)
                    || self.redirects.take(node, place, notes)
                    || self.rewrites.take(node, place, &mut self.redirects, notes)
                    || self.of_folders(node, place)
                    || self.of_files(node, place, notes)
                    || *place == Place::Server && self.of_whole(node, notes)
            }
        };
        if !taken && !self.of_strangers(node, place, notes) {
            table::rest(node, notes);
        }
    }

    /// Takes a section with everything in it.
    fn section(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        let is_of_access = matches!(
            &*node.name,
            "requireall" | "requireany" | "requirenone" | "limit" | "limitexcept"
        );
        if is_of_access && matches!(place, Place::Section(_)) {
            if let Some(section) = self.sections.last_mut() {
                section.rules.section(node, notes);
            }
            return true;
        }
        let Some(kind) = about::kind(&node.name, &words, place, &self.root) else {
            self.unknown(node, place, notes);
            return false;
        };
        if let Kind::Proxy(url) = &kind
            && !url.is_empty()
        {
            let params = super::params::params(words.get(1..).unwrap_or_default(), &node.origin);
            self.proxies.set(url, params, &node.origin, notes);
        }
        if super::folders::is_hidden(&node.name, &words) {
            return false;
        }
        let before = self.sections.len();
        self.sections.push(Section {
            kind: kind.clone(),
            words: words.clone(),
            keys: Keys::default(),
            rules: Rules::default(),
            overridden: None,
            origin: node.origin.clone(),
            lines: node.inner().iter().map(|it| it.origin.clone()).collect(),
            below: about::is_below(&node.name, &words),
        });
        for inner in node.inner() {
            self.take(inner, &Place::Section(kind.clone()), notes);
            // A section in a section stands by itself, and does not become the one that is being read.
            if self.sections.len() > before + 1 {
                let inner = self.sections.split_off(before + 1);
                let own = self.sections.pop();
                self.sections.extend(inner);
                self.sections.extend(own);
            }
        }
        true
    }

    /// A section of another kind, such as `<If>`, is left out. Where it says who may come in, what it is about is closed.
    fn unknown(&mut self, node: &Node, place: &Place, notes: &mut Notes) {
        let takes = match place {
            Place::Section(Kind::Location(takes) | Kind::Text(takes)) => takes.clone(),
            // It closes the section: see `of_folder`.
            Place::Section(Kind::Directory(_) | Kind::Files(_)) => return,
            Place::Section(Kind::Proxy(_)) | Place::Server => Takes::Path("/".to_owned()),
        };
        if node.name != "macro" && restricts(node) {
            let why = format!("<{}> says who may come in", node.written);
            self.redirects.close(takes, node, &why, notes);
        }
    }

    /// What may keep somebody out of a folder and cannot be turned closes the folder.
    fn of_folder(&mut self, node: &Node, place: &Place) {
        let Place::Section(kind @ (Kind::Directory(_) | Kind::Files(_))) = place else {
            return;
        };
        let is_of_files = matches!(kind, Kind::Files(_));
        if let Some(section) = self.sections.last_mut() {
            if let Some(overridden) = super::folders::overridden(node) {
                section.overridden = Some((overridden, node.origin.clone()));
            }
            if let Some(why) = super::folders::guard(node, is_of_files) {
                section.rules.seal(&why, &node.origin);
            }
        }
    }

    /// What is said of files of httpd's own counts where these are served: see `own_files`.
    fn of_own_files(&mut self, node: &Node, place: &Place) -> bool {
        let line = own_files::Line::of(node, place);
        let is_one = line.is_some();
        self.of_files.extend(line);
        is_one
    }

    /// A macro in a section may say who comes in: the section is closed.
    fn of_macro(&mut self, node: &Node, place: &Place) -> bool {
        match (&*node.name, place, self.sections.last_mut()) {
            ("use", Place::Section(Kind::Directory(_) | Kind::Files(_)) | Place::Server, _) => {
                false
            }
            ("use", _, Some(section)) => {
                let why = "Use: macros are not followed";
                section.rules.seal(why, &node.origin);
                true
            }
            _ => false,
        }
    }

    /// Directives of mod_jk.
    fn of_jk(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let directive = Directive {
            name: &node.name,
            words: &node.words(),
            origin: &node.origin,
            location: match place {
                Place::Section(Kind::Location(_) | Kind::Text(_)) => {
                    self.sections.last().and_then(|it| section_text(&it.words))
                }
                _ => None,
            },
        };
        self.jk.take(&directive, notes)
    }

    /// Names, addresses and times.
    fn of_server(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        let first = words.first().map_or("", String::as_str);
        match (&*node.name, place) {
            ("listen", Place::Server) if bound(first).is_none() => {
                let text = format!("left out: {first} is no address with a port");
                notes.name(&node.origin, text);
            }
            ("listen", Place::Server) => self.listens.push((words, node.origin.clone())),
            ("servername", _) => self
                .names
                .insert(0, (first.to_owned(), node.origin.clone())),
            ("serveralias", _) => {
                let names = words.into_iter().map(|name| (name, node.origin.clone()));
                self.names.extend(names);
            }
            ("timeout", _) => self.timeout = duration(first, "s"),
            ("proxytimeout", _) => self.proxy_timeout = duration(first, "s"),
            ("proxyiobuffersize", _) => {
                self.packet_size = first.parse().ok().map(|size: u64| size.clamp(8192, 65_536));
            }
            ("serverlimit", _) => {
                let origin = node.origin.clone();
                self.children = first.parse().ok().map(|number| (number, origin));
            }
            ("proxypreservehost", Place::Server) => self.preserve_host = switch(first),
            ("sslengine", _) => {
                self.secure = Some(switch(first).unwrap_or(true));
                self.secure_at = Some(node.origin.clone());
            }
            _ => return false,
        }
        true
    }

    fn of_access(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let in_section = matches!(place, Place::Section(_));
        if !is_about_access(&node.name) || !in_section && node.name.starts_with("ssl") {
            return false;
        }
        match (place, self.sections.last_mut()) {
            (Place::Section(_), Some(section)) => {
                section.rules.directive(node, &self.root);
                true
            }
            _ if is_program(&node.name) => {
                let why = format!("{} says who may come in", node.written);
                let every = Takes::Path("/".to_owned());
                self.redirects.close(every, node, &why, notes);
                true
            }
            _ => {
                let text = match is_setting(&node.name) {
                    true => {
                        "left out: it is a setting of a module that says who may come in; the sections that ask this module are \
                         closed"
                    }
                    false => "it says who may come in, in no section: put it into <Location />",
                };
                notes.name(&node.origin, text);
                true
            }
        }
    }

    /// What becomes keys of mappings.
    fn of_keys(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let mut always = None;
        let keys = match place {
            Place::Server => {
                always = Some(&mut self.always);
                &mut self.keys
            }
            // Nothing that is sent on is in a folder.
            Place::Section(Kind::Directory(_) | Kind::Files(_)) => {
                let known = fields::take(node, &mut Keys::default(), None, &mut Notes::default());
                if known {
                    notes.count(&node.origin);
                }
                return known;
            }
            Place::Section(_) => match self.sections.last_mut() {
                Some(section) => &mut section.keys,
                None => return false,
            },
        };
        fields::take(node, keys, always, notes)
    }

    /// What httpd does with a folder that is asked for.
    fn of_folders(&mut self, node: &Node, place: &Place) -> bool {
        let origin = node.origin.clone();
        let folder = match place {
            Place::Section(Kind::Directory(folder) | Kind::Files(folder)) => folder.clone(),
            _ => "/".to_owned(),
        };
        match &*node.name {
            "directoryindex" => self.indexes.push((node.words(), origin)),
            "options" if table::lists(node) => self.listing.push((folder, origin)),
            _ => return false,
        }
        true
    }

    /// What httpd serves itself, and what it says about errors.
    fn of_files(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        let origin = node.origin.clone();
        match (&*node.name, words.as_slice(), place) {
            ("documentroot", [folder, ..], Place::Server) => {
                self.document_root = Some((folder_name(&self.root, folder), origin));
            }
            ("errordocument", [code, page, ..], Place::Server) => {
                self.error_documents
                    .push((code.clone(), page.clone(), origin));
            }
            ("proxyerroroverride", [on, codes @ ..], Place::Server) => {
                let (codes, others): (Vec<&String>, Vec<&String>) = codes
                    .iter()
                    .partition(|code| ErrorStatus::read(code).is_ok());
                for other in &others {
                    let text = format!("{other} is left out: it is not the status of an error");
                    notes.name(&origin, text);
                }
                let codes: Vec<Value> = codes
                    .into_iter()
                    .map(|code| Value::Plain(code.clone()))
                    .collect();
                if codes.is_empty() && !others.is_empty() {
                    return true;
                }
                self.error_override = match (switch(on), codes.is_empty()) {
                    (Some(true), true) => Some(Value::switch(true)),
                    (Some(true), false) => Some(Value::List(codes)),
                    _ => None,
                };
            }
            ("sethandler", [handler, ..], _) => notes.name(&origin, handlers::text(handler)),
            _ => return self.of_aliases(node, place, notes),
        }
        true
    }

    /// What counts for the whole server.
    fn of_whole(&mut self, node: &Node, notes: &mut Notes) -> bool {
        let words = node.words();
        match (&*node.name, words.as_slice()) {
            ("protocols", words) => {
                self.protocols = words.iter().map(|it| it.to_ascii_lowercase()).collect();
            }
            ("heartbeatlisten", [address, ..]) => match Bind::read(address) {
                Ok(_) => self.heartbeat.set("listen", Value::text(address)),
                Err(fault) => notes.name(&node.origin, format!("left out: {}", fault.message)),
            },
            ("heartbeatstorage", [file, ..]) => {
                let file = below(&self.root, file).to_string_lossy().into_owned();
                self.heartbeat.set("storage", Value::text(file));
            }
            ("remoteipproxyprotocol", [on, ..]) => {
                let origin = Some(node.origin.clone());
                self.proxy_protocol = origin.filter(|_| switch(on) == Some(true));
            }
            _ => {
                if tls::is_of_listener(&node.name) {
                    self.tls_lines
                        .push((node.written.clone(), node.origin.clone()));
                }
                return tls::take(node, &self.root, &mut self.tls, &mut self.member_tls, notes)
                    || self.whole.take(node, &self.root, notes);
            }
        }
        true
    }
}
