//! Keys from an operator's side.

use anyhow::{Context, Result};

use crate::node::Node;

/// Makes a further key pair that signs tokens, and prints the id that they name it by.
pub async fn rotate_signing_key(node: &Node) -> Result<()> {
    println!("{}", node.vault.rotate_signing_key().await.context("rotate-signing-key")?);
    Ok(())
}
