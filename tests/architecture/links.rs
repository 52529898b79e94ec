//! Guards of the documents for users: their links lead somewhere, the README lists all of them, and each metric has a row.

use super::documents::documents;
use super::mentions::anchor;
use super::source::{Source, root};
use super::violations::Violations;

/// The page that describes each metric.
const METRICS: &str = "docs/metrics.md";

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut found = Violations::default();
    let mut count = 0;
    for document in documents() {
        for (number, link) in links_of(&document) {
            count += 1;
            if let Some(problem) = problem(&document, link) {
                found.add(&document, number, &problem);
            }
        }
    }
    assert!(count > 50, "{count} links: this guard reads the wrong text");
    found.none("a link is relative to the folder of its document; an anchor is a heading in small letters, with hyphens");
}

#[test]
fn the_readme_lists_each_page_of_docs() {
    let readme = Source::read("README.md");
    let linked: Vec<&str> = links_of(&readme)
        .into_iter()
        .map(|(_, link)| link)
        .collect();
    let pages: Vec<Source> = documents()
        .filter(|document| document.path.starts_with("docs/"))
        .collect();
    assert!(pages.len() > 10, "{} pages", pages.len());
    for page in pages {
        assert!(
            linked.contains(&page.path.as_str()),
            "README.md does not link to {}",
            page.path
        );
    }
}

#[test]
fn each_metric_has_a_row_in_the_documents() {
    let page = Source::read(METRICS);
    let families = Source::read("src/telemetry/metrics/families.rs");
    let names = families.text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(" = ")?;
        let kind = ["Counter \"", "Gauge \"", "Histogram \""];
        let rest = kind.iter().find_map(|kind| rest.strip_prefix(kind))?;
        rest.split('"').next()
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 20, "{names:?}");
    for name in &names {
        assert!(
            page.text.contains(&format!("| `ajpgate_{name}` |")),
            "{METRICS} has no row of ajpgate_{name}"
        );
    }
    let rows = page
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("| `ajpgate_"));
    for row in rows {
        let name = row.split('`').next().unwrap_or_default();
        assert!(
            names.contains(&name),
            "{METRICS}: there is no ajpgate_{name}"
        );
    }
}

/// The targets of all links and images, with their lines. Blocks of code have none.
fn links_of(document: &Source) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in document.raw() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let links = line.split("](").skip(1).map(|rest| (rest, ')'));
        let images = line.split("src=\"").skip(1).map(|rest| (rest, '"'));
        let targets = links
            .chain(images)
            .filter_map(|(rest, end)| rest.split(end).next());
        found.extend(targets.map(|target| (number, target)));
    }
    found
}

/// What is wrong with a link, if anything. Other sites are not asked.
fn problem(document: &Source, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (path, heading) = link
        .split_once('#')
        .map_or((link, None), |(path, heading)| (path, Some(heading)));
    let folder = document
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let target = match path {
        "" => root().join(&document.path),
        _ => root().join(folder).join(path),
    };
    if !target.exists() {
        return Some(format!("there is no {path}"));
    }
    let heading = heading?;
    let text = std::fs::read_to_string(target).ok()?;
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    let there = headings.any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
    (!there).then(|| format!("{link}: there is no such heading"))
}
