//! Balancers and members as text: aligned columns for people, columns between tabs for programs.

use super::balancers::{Balancer, Balancers};
use crate::cli::member::Member;
use crate::cli::terminal::{Colour, Terminal, plain};

/// The spaces between two columns.
const GAP: &str = "  ";

/// The text for this output.
pub(super) fn text(balancers: &Balancers, terminal: Terminal) -> String {
    let members = || balancers.balancers.iter().flat_map(|it| &it.members);
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .filter(|column| {
            // Programs count columns, so a pipe always gets all of them.
            let is_wanted = !terminal.is_one || !column.only_where_known;
            is_wanted || members().any(|it| !(column.value)(it).is_empty())
        })
        .collect();
    match terminal.is_one {
        true => aligned(balancers, &columns, terminal),
        false => between_tabs(balancers, &columns),
    }
}

/// A column of the table.
struct Column {
    name: &'static str,
    value: fn(&Member) -> String,
    is_number: bool,
    only_where_known: bool,
}

impl Column {
    const fn text(name: &'static str, value: fn(&Member) -> String) -> Self {
        Self {
            name,
            value,
            is_number: false,
            only_where_known: false,
        }
    }

    const fn number(name: &'static str, value: fn(&Member) -> String) -> Self {
        Self {
            is_number: true,
            ..Self::text(name, value)
        }
    }
}

const STATE: &str = "STATE";

const COLUMNS: &[Column] = &[
    Column::text("ROUTE", |member| plain(&member.route)),
    Column::text("MEMBER", |member| plain(&member.url)),
    Column::text(STATE, |member| plain(&member.state)),
    Column::number("SESSIONS", |member| member.sessions.to_string()),
    Column::number("BUSY", |member| member.busy.to_string()),
    Column::number("ELECTED", |member| member.elected.to_string()),
    Column::number("ERRORS", |member| member.errors.to_string()),
    Column::number("HITS", Member::hit_rate),
    Column::number("FACTOR", |member| plain(&member.loadfactor.to_string())),
    Column::number("SET", |member| member.lbset.to_string()),
    Column {
        only_where_known: true,
        ..Column::text("SOURCE", |member| plain(&member.source))
    },
    Column {
        only_where_known: true,
        ..Column::text("NOTE", Member::note)
    },
];

/// A head line, then a line for each member, with the name of its balancer. A value that is not there is `-`.
fn between_tabs(balancers: &Balancers, columns: &[&Column]) -> String {
    let mut text = String::from("BALANCER");
    for column in columns {
        text.push('\t');
        text.push_str(column.name);
    }
    text.push('\n');
    for balancer in &balancers.balancers {
        for member in &balancer.members {
            text.push_str(&or_dash(plain(&balancer.name)));
            for column in columns {
                text.push('\t');
                text.push_str(&or_dash((column.value)(member)));
            }
            text.push('\n');
        }
    }
    text
}

/// A block for each balancer. Columns have the same place in all blocks.
fn aligned(balancers: &Balancers, columns: &[&Column], terminal: Terminal) -> String {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.name.len()).collect();
    let rows: Vec<Vec<Vec<String>>> = balancers
        .balancers
        .iter()
        .map(|balancer| {
            let row = |member: &Member| {
                columns
                    .iter()
                    .map(|it| or_dash((it.value)(member)))
                    .collect()
            };
            balancer.members.iter().map(row).collect()
        })
        .collect();
    for row in rows.iter().flatten() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (index, (balancer, rows)) in balancers.balancers.iter().zip(&rows).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&heading(balancer, terminal));
        let names: Vec<String> = columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect();
        text.push_str(&line(&names, columns, &widths, terminal, |_| {
            Some(Colour::Dim)
        }));
        for (member, row) in balancer.members.iter().zip(rows) {
            let colour = |column: &Column| (column.name == STATE).then(|| colour(member));
            text.push_str(&line(row, columns, &widths, terminal, colour));
        }
        if balancer.members.is_empty() {
            text.push_str("no members\n");
        }
    }
    if balancers.balancers.is_empty() {
        text.push_str("no balancers\n");
    }
    text
}

fn heading(balancer: &Balancer, terminal: Terminal) -> String {
    let name = terminal.paint(&plain(&balancer.name), Some(Colour::Bold));
    let sticky = match plain(&balancer.stickysession) {
        name if name.is_empty() => "not sticky".to_owned(),
        name => format!("sticky by {name}"),
    };
    let unusable = match balancer.usable {
        true => String::new(),
        false => format!(
            ", {}",
            terminal.paint("no usable member", Some(Colour::Red))
        ),
    };
    format!(
        "{name}: {}, {sticky}{unusable}\n",
        plain(&balancer.lbmethod)
    )
}

fn line(
    row: &[String],
    columns: &[&Column],
    widths: &[usize],
    terminal: Terminal,
    colour: impl Fn(&Column) -> Option<Colour>,
) -> String {
    let mut text = String::new();
    let last = columns.len().saturating_sub(1);
    for (index, ((cell, column), width)) in row.iter().zip(columns).zip(widths).enumerate() {
        let space = " ".repeat(width.saturating_sub(cell.chars().count()));
        let painted = terminal.paint(cell, colour(column));
        match (column.is_number, index == last) {
            (true, _) => text.push_str(&format!("{space}{painted}")),
            (false, true) => text.push_str(&painted),
            (false, false) => text.push_str(&format!("{painted}{space}")),
        }
        if index < last {
            text.push_str(GAP);
        }
    }
    text.push('\n');
    text
}

fn colour(member: &Member) -> Colour {
    match member.status {
        status if status.stopped || status.disabled => Colour::Dim,
        status if status.drain && member.drained => Colour::Cyan,
        status if status.drain => Colour::Yellow,
        _ if member.usable => Colour::Green,
        _ => Colour::Red,
    }
}

fn or_dash(text: String) -> String {
    match text.is_empty() {
        true => "-".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn balancers() -> Balancers {
        let member = |route: &str, status: &str, state: &str, sessions: u64| {
            json!({
                "url": format!("ajp://{route}:8009"), "route": route, "state": state, "usable": state == "up",
                "status": { status: true }, "sessions": sessions, "busy": 1, "elected": 12_345, "errors": 0,
                "drained": false, "retry_in": (state == "in error").then_some(41.2), "loadfactor": 2.5, "lbset": 0,
                "sticky": { "hit_rate": (sessions > 0).then_some(0.9876) },
            })
        };
        let shop = [
            member("node1", "ignore_errors", "up", 12),
            member("node2", "drain", "draining", 3),
            member("evil\u{1b}[2J\tx", "ignore_errors", "in error", 0),
        ];
        let value = json!({"balancers": [
            { "name": "shop", "lbmethod": "byrequests", "stickysession": "JSESSIONID|jsessionid", "usable": true, "members": shop },
            { "name": "api", "lbmethod": "bybusyness", "stickysession": "", "usable": false, "members": [] },
        ]});
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn people_get_aligned_columns() {
        let terminal = Terminal {
            is_one: true,
            colours: false,
        };
        let shown = text(&balancers(), terminal);
        assert_snapshot!(shown);
        let colours = Terminal {
            is_one: true,
            colours: true,
        };
        let painted = text(&balancers(), colours);
        assert!(painted.contains("\x1b[33mdraining\x1b[0m"), "{painted:?}");
        assert!(painted.contains("\x1b[31min error\x1b[0m"), "{painted:?}");
    }

    #[test]
    fn programs_get_one_line_for_each_member() {
        let pipe = Terminal {
            is_one: false,
            colours: false,
        };
        let shown = text(&balancers(), pipe);
        let columns: Vec<usize> = shown.lines().map(|it| it.split('\t').count()).collect();
        assert_eq!(columns, [13, 13, 13, 13], "{shown}");
        // Nobody's source is known here, and the column is there all the same.
        assert!(shown.lines().next().unwrap().ends_with("\tSOURCE\tNOTE"));
        assert!(!shown.contains('\x1b'), "{shown:?}");
        assert!(shown.contains("shop\tnode2\tajp://node2:8009\tdraining\t3\t1\t"));
    }
}
