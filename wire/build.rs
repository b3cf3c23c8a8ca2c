//! Turns the contracts from YAML into compact JSON, so that a starting process does not parse YAML.

use std::path::Path;
use std::{env, fs};

const CONTRACTS: [&str; 5] = ["krugo", "rentals", "open-event", "eventbookings", "keyper"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let contracts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../contracts");
    let out = env::var("OUT_DIR")?;
    for name in CONTRACTS {
        let source = contracts.join(format!("{name}.openapi.yaml"));
        println!("cargo:rerun-if-changed={}", source.display());
        let contract: serde_yaml_ng::Value = serde_yaml_ng::from_str(&fs::read_to_string(&source)?)?;
        fs::write(Path::new(&out).join(format!("{name}.json")), serde_json::to_vec(&contract)?)?;
    }
    Ok(())
}
