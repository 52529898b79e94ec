//! What is kept of changes by hand, and for how long.

use super::*;

fn drained(balancer: &str, urls: impl Iterator<Item = usize>) -> Overrides {
    let mut all = Overrides::default();
    let drain = parse_member_change("{\"status\": {\"drain\": true}}", Path::new("change"));
    let drain = drain.unwrap();
    for number in urls {
        all.change_member(
            balancer,
            &format!("ajp://h:{}", number + 1),
            &drain,
            Some("n"),
        );
    }
    all
}

fn read(all: &Overrides) -> Overrides {
    Overrides::from_json(&all.to_json(), Path::new("")).unwrap()
}

#[test]
fn changes_of_members_that_are_gone_are_kept_up_to_a_bound_and_the_last_that_went_are_kept() {
    let count = MOST_GONE + 10;
    let mut all = drained("shop", 0..count);
    let urls: Vec<String> = (0..count).map(|it| format!("ajp://h:{}", it + 1)).collect();
    let there = |from: usize| urls[from..].iter().cloned().collect();
    assert!(!all.note_gone("shop", &there(0)));
    // The first 500 go, then the others: 10 too many.
    assert!(!all.note_gone("shop", &there(500)));
    assert_eq!(read(&all), all, "a restart loses nothing");
    let before = read(&all);
    all.forget_gone("shop");
    assert_eq!(all, before);
    assert!(all.note_gone("shop", &HashSet::new()));
    all.forget_gone("shop");
    let left = all.to_json()["shop"].clone();
    assert_eq!(left["members"].as_object().unwrap().len(), MOST_GONE);
    assert_eq!(left["routes"].as_object().unwrap().len(), MOST_GONE);
    assert_eq!(left["members"].get("ajp://h:10"), None);
    assert!(left["members"].get("ajp://h:11").is_some());
    // One that returns has its changes, and is the last again when it goes once more.
    assert!(!all.note_gone("shop", &HashSet::from(["ajp://h:11".to_owned()])));
    assert!(!all.note_gone("shop", &HashSet::new()));
    let gone = all.to_json()["shop"]["gone"].clone();
    assert_eq!(gone.as_array().unwrap().last().unwrap(), "ajp://h:11");
}

#[test]
fn what_was_removed_or_added_by_hand_is_never_forgotten() {
    let mut all = drained("shop", 0..MOST_GONE + 1);
    let keys = json!({ "url": "ajp://added:8009" });
    let added = parse_member(&keys.to_string(), Path::new("member")).unwrap();
    let url = added.url.text.clone();
    all.add_member("shop", added, keys);
    let drain = parse_member_change("{\"lbset\": 2}", Path::new("change")).unwrap();
    all.change_member("shop", &url, &drain, None);
    all.of("shop").removed.push("ajp://gone:8009".to_owned());
    assert!(all.note_gone("shop", &HashSet::new()));
    all.forget_gone("shop");
    let left = all.to_json()["shop"].clone();
    assert_eq!(left["removed"], json!(["ajp://gone:8009"]));
    assert!(left["members"].get(&url).is_some(), "{left}");
    assert_eq!(left["added"].as_array().unwrap().len(), 1);
}

/// Earlier versions have written urls as they were in the file. A place that is written as it is now counts more.
#[test]
fn state_files_of_earlier_versions_are_read() {
    let old = json!({ "shop": {
        "settings": {},
        "members": {
            "ajp://localhost": { "lbset": 1 },
            "ajp://LOCALHOST:8009": { "lbset": 2 },
            "ajp://[0:0:0:0:0:0:0:1]": { "lbset": 3 },
            "ajp://[::1]:8009": { "lbset": 4 },
        },
        "routes": { "ajp://localhost": "n" },
        "added": [],
        "removed": ["http://H/", "http://h:80"],
    }});
    let read = Overrides::from_json(&old, Path::new("")).unwrap();
    let now = read.to_json()["shop"].clone();
    let members = now["members"].as_object().unwrap();
    assert_eq!(members.len(), 2, "{now}");
    assert_eq!(members["ajp://[::1]:8009"]["lbset"], json!(4));
    assert!(members.contains_key("ajp://localhost:8009"));
    assert_eq!(now["routes"], json!({ "ajp://localhost:8009": "n" }));
    assert_eq!(now["removed"], json!(["http://h:80"]));
}
