//! The page of `convert --report`: each old line, the new lines that come from it, and what is said about it.

use ajpgate_config::convert::{Account, Converted, Fate, HIDDEN, Line};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

const STYLE: &str = concat!(
    include_str!("../../admin/page/colours.css"),
    include_str!("report.css")
);

/// Most lines of the YAML that are shown beside one old line.
const MOST: usize = 12;

/// The fates with the class and the word of their rows, and the word of the filter.
const FATES: [(Fate, &str, &str, &str); 7] = [
    (Fate::NotTurned, "nt", "not turned", "not turned"),
    (
        Fate::Differs,
        "df",
        "to look at",
        "turned, with a difference or something to do",
    ),
    (Fate::Turned, "ok", "turned", "turned"),
    (
        Fate::NoConcern,
        "nc",
        "no concern",
        "of no concern to a gateway",
    ),
    (
        Fate::Skipped,
        "sk",
        "not read",
        "under a condition that does not hold",
    ),
    (Fate::Followed, "fo", "", ""),
    (Fate::Empty, "em", "", ""),
];

#[derive(Template)]
#[template(path = "report.html", config = "src/cli/convert/askama.toml")]
struct Page<'a> {
    name: &'a str,
    version: &'static str,
    hidden: &'static str,
    style: &'static str,
    /// Of the style, for the page's own policy: nothing else is allowed in it.
    digest: String,
    filters: Vec<Filter>,
    general: Vec<String>,
    files: Vec<File<'a>>,
    yaml: Vec<(usize, &'a str)>,
}

struct Filter {
    class: &'static str,
    word: &'static str,
    count: usize,
    is_first: bool,
}

struct File<'a> {
    number: usize,
    name: &'a str,
    lines: Vec<Row<'a>>,
}

struct Row<'a> {
    number: u32,
    class: &'static str,
    word: &'static str,
    text: &'a str,
    /// The lines that come from it alone.
    yaml: Vec<(usize, &'a str)>,
    /// How many more there are.
    further: usize,
    /// The first line of what it belongs to.
    shared: Option<usize>,
    remarks: &'a [String],
}

/// The page, whole: it needs nothing from elsewhere, and runs nothing.
///
/// # Errors
///
/// The page cannot be written to a text.
pub(super) fn page(converted: &Converted) -> anyhow::Result<String> {
    let account = Account::of(converted);
    let yaml: Vec<(usize, &str)> = (1..).zip(account.yaml.iter().map(String::as_str)).collect();
    let files = (1..).zip(&account.files).map(|(number, file)| File {
        number,
        name: &file.name,
        lines: file.lines.iter().map(|line| row(line, &yaml)).collect(),
    });
    let page = Page {
        name: account.files.first().map_or("", |file| &file.name),
        version: env!("CARGO_PKG_VERSION"),
        hidden: HIDDEN,
        style: STYLE,
        digest: STANDARD.encode(digest(&SHA256, STYLE.as_bytes())),
        filters: filters(&account),
        general: account.general.clone(),
        files: files.collect(),
        yaml: yaml.clone(),
    };
    Ok(page.render()? + "\n")
}

fn row<'a>(line: &'a Line, yaml: &[(usize, &'a str)]) -> Row<'a> {
    let (_, class, word, _) = FATES
        .into_iter()
        .find(|(fate, ..)| *fate == line.fate)
        .unwrap_or((line.fate, "", "", ""));
    let own = || line.yaml.iter().filter(|_| !line.is_shared);
    let shown = own().take(MOST);
    Row {
        number: line.number,
        class,
        word: if line.continues { "" } else { word },
        text: line.text.trim_end(),
        yaml: shown
            .filter_map(|number| yaml.get(number.checked_sub(1)?).copied())
            .collect(),
        further: own().count().saturating_sub(MOST),
        shared: line.yaml.first().copied().filter(|_| line.is_shared),
        remarks: &line.remarks,
    }
}

fn filters(account: &Account) -> Vec<Filter> {
    let all = account.files.iter().map(|file| file.lines.len()).sum();
    let to_look_at = account.count(Fate::NotTurned) + account.count(Fate::Differs);
    let wide = [("all", "all", all), ("look", "with remarks", to_look_at)];
    let wide = wide.into_iter().map(|(class, word, count)| Filter {
        class,
        word,
        count,
        is_first: class == "all",
    });
    let fates = FATES.into_iter().filter(|(.., word)| !word.is_empty());
    let fates = fates.map(|(fate, class, _, word)| Filter {
        class,
        word,
        count: account.count(fate),
        is_first: false,
    });
    wide.chain(fates).collect()
}
