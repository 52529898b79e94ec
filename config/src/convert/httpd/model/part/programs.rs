//! What a server hands to programs and modules that are not here: their paths are closed.

use super::super::super::tree::Node;
use super::super::access_names::suspicion;
use super::super::place::Place;
use super::super::{about, aliases, firewall, handlers};
use super::Part;
use crate::convert::note::Notes;
use crate::convert::site::Takes;

impl Part {
    /// Closes what a directive that nobody here knows may be about, where its name tells that it may say who comes in.
    pub(super) fn of_strangers(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        if node.children.is_some() {
            return false;
        }
        let in_section = matches!(place, Place::Section(_));
        if !in_section && let Some(takes) = firewall::refused(node) {
            let why = format!("{} refuses requests", node.written);
            self.redirects.close(takes, node, &why, notes);
            return true;
        }
        let Some(why) = suspicion(node, in_section) else {
            return false;
        };
        match (in_section, self.sections.last_mut()) {
            (true, Some(section)) => section.rules.seal(&why, &node.origin),
            _ => {
                let every = Takes::Path("/".to_owned());
                self.redirects.close(every, node, &why, notes);
            }
        }
        true
    }

    /// Keeps in mind that files are run: as text they would tell what nobody may see. What stands in a section that is taken is
    /// taken by itself.
    pub(super) fn of_programs(&mut self, node: &Node, place: &Place) {
        let is_read = node.children.is_some()
            && about::kind(&node.name, &node.words(), place, &self.root).is_some();
        if !is_read && handlers::runs_files(node) {
            self.runs.get_or_insert_with(|| node.origin.clone());
        }
    }

    /// `Alias`, and what is like it. Whatever is no plain folder closes its paths.
    pub(super) fn of_aliases(&mut self, node: &Node, place: &Place, notes: &mut Notes) -> bool {
        let words = node.words();
        let Some(alias) = aliases::alias(node, &words, place, &self.root) else {
            return false;
        };
        match alias {
            Ok(alias) => self.aliases.push(alias),
            Err(why) => notes.name(&node.origin, why),
        }
        true
    }
}
