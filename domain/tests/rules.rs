//! Every rule by which a command may be refused, read from the source. A rule is written once: where it refuses in two
//! places, both call one function. `docs/RULES.md` is made from the same list.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Where rules stand.
const CRATES: [&str; 5] = ["domain", "commands", "import", "read-api", "write-api"];

/// The functions that make a rejection, and the kind that each makes.
const KINDS: [(&str, &str); 6] = [
    ("not_found", "not found"),
    ("forbidden", "forbidden"),
    ("conflict", "conflict"),
    ("invalid", "invalid"),
    ("all_invalid", "invalid"),
    ("gone", "gone"),
];

struct Rule {
    kind: &'static str,
    /// As in the source, with its places for values; none where it is put together.
    message: Option<String>,
    file: String,
}

/// Calls `see` with the path below the repository and the text of each source file, tests left out.
fn sources(dir: &Path, root: &Path, see: &mut impl FnMut(&str, &str)) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, root, see);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            see(path.strip_prefix(root).unwrap().to_str().unwrap(), code);
        }
    }
}

/// The arguments of a call, from behind its opening parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let (mut arguments, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().unwrap().push(c);
    }
    arguments.retain(|argument| !argument.trim().is_empty());
    arguments.iter().map(|argument| argument.trim().to_owned()).collect()
}

fn literal(argument: &str) -> Option<String> {
    let text = argument.strip_prefix("format!(").unwrap_or(argument).trim_start().strip_prefix('"')?;
    text.split('"').next().map(str::to_owned)
}

fn rules() -> BTreeMap<String, Rule> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).canonicalize().unwrap();
    let mut rules = BTreeMap::new();
    for name in CRATES {
        sources(&root.join(name).join("src"), &root, &mut |file, code| {
            for (function, kind) in KINDS {
                for (at, call) in code.match_indices(&format!("Rejection::{function}(")) {
                    let arguments = arguments(&code[at + call.len()..]);
                    let rule = arguments.first().and_then(|first| literal(first));
                    let rule = rule.unwrap_or_else(|| panic!("{file}: a rejection whose rule is no literal"));
                    let message = arguments.last().filter(|_| arguments.len() > 1).and_then(|last| literal(last));
                    let known = rules.insert(rule.clone(), Rule { kind, message, file: file.to_owned() });
                    assert!(known.is_none(), "{rule} is written twice: in {file} and {}", known.unwrap().file);
                }
            }
        });
    }
    rules
}

fn page(rules: &BTreeMap<String, Rule>) -> String {
    let mut page = String::from(
        "# Rules\n\nEvery rule by which a command may be refused: its name, which never changes, and what it says, \
         unless a dialect says it otherwise. Made from the source by `make docs`; do not edit.\n\n\
         | rule | kind | says |\n|---|---|---|\n",
    );
    for (name, Rule { kind, message, .. }) in rules {
        let message = message.as_deref().unwrap_or("–");
        let _ = writeln!(page, "| `{name}` | {kind} | {message} |");
    }
    page
}

#[test]
fn every_rule_has_a_name_of_its_own_and_the_page_lists_them_all() {
    let rules = rules();
    for name in rules.keys() {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name} is no kebab-case");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/RULES.md");
    let page = page(&rules);
    if std::env::var_os("CARAVAN_UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs/RULES.md can be written");
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(stored == page, "docs/RULES.md is stale: run `make docs`");
}
