//! Turns the contracts and their overlays from YAML into compact JSON, so that a starting process does not parse YAML.

use std::path::Path;
use std::{env, fs};

const CONTRACTS: [&str; 5] = ["krugo", "rentals", "open-event", "eventbookings", "keyper"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let contracts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../contracts");
    let out = env::var("OUT_DIR")?;
    for name in CONTRACTS {
        for (yaml, json) in [("openapi.yaml", "json"), ("served.yaml", "served.json")] {
            let source = contracts.join(format!("{name}.{yaml}"));
            println!("cargo:rerun-if-changed={}", source.display());
            let document: serde_yaml_ng::Value = serde_yaml_ng::from_str(&fs::read_to_string(&source)?)?;
            fs::write(Path::new(&out).join(format!("{name}.{json}")), serde_json::to_vec(&document)?)?;
        }
    }
    Ok(())
}
