//! What is known of an httpd.

use std::collections::BTreeMap;

use super::super::tree::Node;
use super::part::Part;
use crate::convert::modjk;
use crate::convert::note::Origin;

/// An httpd: its directives, what they say of workers and access, and the rules of its mod_jk.
#[derive(Debug)]
pub(crate) struct Old {
    /// Those of the main file; its virtual hosts are among them, in the order of `hosts`.
    pub(super) nodes: Vec<Node>,
    pub(super) main: Part,
    pub(super) hosts: Vec<Part>,
    /// Whether each virtual host is turned. The others have no rules in `jk`.
    pub(super) kept: Vec<bool>,
    pub(super) jk: Option<modjk::Old>,
}

impl Old {
    /// The line of each directive and section, with that of the section that it stands in.
    pub(crate) fn lines(&self) -> BTreeMap<Origin, Option<Origin>> {
        let mut lines = BTreeMap::new();
        collect(&self.nodes, None, &mut lines);
        lines
    }

    /// The number by which mod_jk knows a server: a virtual host, or the main one (`None`). `None`: its rules are not known.
    pub(super) fn jk_number(&self, host: Option<usize>) -> Option<usize> {
        let before = host.unwrap_or(self.kept.len());
        let is_kept = host.is_none_or(|host| self.kept.get(host) == Some(&true));
        let kept = self.kept.iter().take(before).filter(|kept| **kept);
        is_kept.then(|| kept.count())
    }

    /// The directives of a virtual host.
    pub(super) fn host_nodes(&self, host: usize) -> &[Node] {
        let mut hosts = self.nodes.iter().filter(|node| node.name == "virtualhost");
        hosts.nth(host).map_or(&[], Node::inner)
    }
}

fn collect(nodes: &[Node], above: Option<&Origin>, lines: &mut BTreeMap<Origin, Option<Origin>>) {
    for node in nodes {
        lines.insert(node.origin.clone(), above.cloned());
        collect(node.inner(), Some(&node.origin), lines);
    }
}
