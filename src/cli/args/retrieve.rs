//! Flags of `retrieve`.

use crate::domain::SuiteName;
use crate::study::sweep::Axis;
use clap::Args;

/// `llmops retrieve`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["query", "suite"]))]
pub struct RetrieveArgs {
    /// Name or path of a retrieval manifest.
    #[arg(value_name = "MANIFEST")]
    pub manifest: String,
    /// Search for this.
    #[arg(long, value_name = "Q")]
    pub query: Option<String>,
    /// Measure over the cases of this suite that name `relevant` sources.
    #[arg(long, value_name = "S")]
    pub suite: Option<SuiteName>,
    /// Measure every combination of these values too: chunk_size=256,512 top_k=4,8.
    #[arg(long, value_name = "KEY=V,V", num_args = 1.., conflicts_with = "query")]
    pub sweep: Vec<Axis>,
    /// Seconds that one attempt may take.
    #[arg(long, default_value_t = 120, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Attempts after the first.
    #[arg(long, default_value_t = 6, value_name = "N")]
    pub retries: u32,
    /// Call nothing: use embeddings that are at hand.
    #[arg(long)]
    pub offline: bool,
    /// Run no program.
    #[arg(long)]
    pub no_exec: bool,
}
