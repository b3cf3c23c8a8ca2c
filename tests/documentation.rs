//! The examples of CONTRIBUTING are the product's own code, as it stands there: so they compile.

use std::fs;
use std::path::{Path, PathBuf};

/// The lines of each file of Rust below a folder.
fn sources(folder: &Path, found: &mut Vec<Vec<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(lines(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Lines without what is before and behind them, and without documentation.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("///")).map(str::to_owned).collect()
}

#[test]
fn examples_are_the_products_own_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    for crate_folder in ["domain", "commands", "wire", "write-api", "read-api"] {
        sources(&root.join(crate_folder), &mut files);
    }
    let text = fs::read_to_string(root.join("docs/CONTRIBUTING.md")).unwrap();
    let examples: Vec<Vec<String>> =
        text.split("```rust\n").skip(1).map(|rest| lines(rest.split("```").next().unwrap().trim_end())).collect();
    assert!(examples.len() >= 4, "the examples are found");
    for example in examples {
        // Where something is left out, what is before and behind it is looked for by itself.
        for piece in example.split(|line| line == "…") {
            let piece: Vec<&String> = piece.iter().skip_while(|line| line.is_empty()).collect();
            let found = files
                .iter()
                .any(|file| file.windows(piece.len()).any(|window| window.iter().eq(piece.iter().copied())));
            assert!(found, "nowhere in the product: {piece:#?}");
        }
    }
}
