//! Turns the contracts and their overlays from YAML into compact JSON, so that a starting process does not parse YAML,
//! and compresses the script of the reference page, so that no process does.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

const CONTRACTS: [&str; 5] = ["krugo", "rentals", "open-event", "eventbookings", "keyper"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let contracts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../contracts");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for name in CONTRACTS {
        for (yaml, json) in [("openapi.yaml", "json"), ("served.yaml", "served.json")] {
            let source = contracts.join(format!("{name}.{yaml}"));
            println!("cargo:rerun-if-changed={}", source.display());
            let document: serde_yaml_ng::Value = serde_yaml_ng::from_str(&fs::read_to_string(&source)?)?;
            fs::write(out.join(format!("{name}.{json}")), serde_json::to_vec(&document)?)?;
        }
    }
    let script = scalar_api_reference::get_asset("scalar.js").ok_or("scalar_api_reference has no scalar.js")?;
    let mut compressed = GzEncoder::new(fs::File::create(out.join("scalar.js.gz"))?, Compression::best());
    compressed.write_all(&script)?;
    compressed.finish()?;
    // By which a browser knows whether it has this script already.
    let mut hasher = DefaultHasher::new();
    hasher.write(&script);
    println!("cargo:rustc-env=SCALAR_TAG={:x}", hasher.finish());
    Ok(())
}
