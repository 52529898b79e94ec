//! `<Macro name $parameter…>` and `Use name value…` (`modules/core/mod_macro.c`).

use super::super::tree::Node;
use super::state::{Macro, Reader, failure};
use crate::convert::note::Failure;

/// Most macros that use one another.
const DEEPEST: usize = 32;

impl Reader<'_> {
    /// Keeps a section that is complete.
    pub(super) fn define_macro(&mut self, node: Node) {
        let mut words = node.words().into_iter();
        let Some(name) = words.next() else { return };
        let made = Macro {
            parameters: words.collect(),
            body: node.children.unwrap_or_default(),
        };
        self.macros.insert(name.to_ascii_lowercase(), made);
    }

    /// What stands in place of a `Use`; itself where nobody has defined the macro.
    pub(super) fn used(&mut self, node: Node, depth: usize) -> Result<Vec<Node>, Failure> {
        let words = node.words();
        let Some((name, values)) = words.split_first() else {
            return Ok(vec![node]);
        };
        let Some(made) = self.macros.get(&name.to_ascii_lowercase()).cloned() else {
            return Ok(vec![node]);
        };
        if depth > DEEPEST {
            let text = format!("more than {DEEPEST} macros in one another");
            return Err(failure(&node.origin, text));
        }
        if made.parameters.len() != values.len() {
            let text = format!("Use {name}: {} values are wanted", made.parameters.len());
            return Err(failure(&node.origin, text));
        }
        let mut pairs: Vec<(&String, &String)> = made.parameters.iter().zip(values).collect();
        // `$name` may be the beginning of `$names`.
        pairs.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut found = Vec::new();
        for inner in &made.body {
            self.expanded(inner, &pairs, depth, &mut found)?;
        }
        Ok(found)
    }

    /// Adds a directive of a macro, with the values in place of the parameters.
    fn expanded(
        &mut self,
        node: &Node,
        pairs: &[(&String, &String)],
        depth: usize,
        found: &mut Vec<Node>,
    ) -> Result<(), Failure> {
        let arguments = replaced(&node.arguments, pairs);
        let written = replaced(&node.written, pairs);
        // A directive takes memory beside its text.
        let bytes = size_of::<Node>().saturating_add(arguments.len());
        self.spend(bytes.saturating_add(written.len()), &node.origin)?;
        let mut made = Node {
            origin: node.origin.clone(),
            name: written.to_ascii_lowercase(),
            written,
            arguments,
            children: None,
        };
        if let Some(children) = &node.children {
            let mut inner = Vec::new();
            for child in children {
                self.expanded(child, pairs, depth, &mut inner)?;
            }
            made.children = Some(inner);
        }
        match made.name == "use" {
            true => found.extend(self.used(made, depth + 1)?),
            false => found.push(made),
        }
        Ok(())
    }
}

fn replaced(text: &str, pairs: &[(&String, &String)]) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let here = pairs
            .iter()
            .find_map(|(name, value)| Some((rest.strip_prefix(name.as_str())?, value)));
        match here.filter(|(behind, _)| behind.len() < rest.len()) {
            Some((behind, value)) => {
                replaced.push_str(value);
                rest = behind;
            }
            None => {
                replaced.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
    }
    replaced
}
