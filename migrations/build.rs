//! Adding a migration file must rebuild the crate that embeds them.

fn main() {
    println!("cargo:rerun-if-changed=main");
    println!("cargo:rerun-if-changed=keys");
}
