//! A command that does something for one infohash after another.

use mdht_krpc::Id;
use mdht_node::{Dht, LookupReport};
use mdht_plugins::Registry;

use crate::joining::with_node;
use crate::node_args::{NodeArgs, parse_info_hash};
use crate::output::{Failure, Format};

/// The infohashes, and the node that is run for them.
#[derive(clap::Args)]
pub(crate) struct Swarms {
    /// Infohashes of the swarms, one after another, 40 hexadecimal digits each
    #[arg(required = true, value_name = "INFOHASH", value_parser = parse_info_hash)]
    info_hashes: Vec<Id>,

    #[command(flatten)]
    node: NodeArgs,
}

impl Swarms {
    /// Does `work` for each infohash, and prints what came of it.
    pub(crate) async fn each(
        &self,
        registry: &Registry,
        work: impl AsyncFn(&Dht, Id, Format) -> Result<LookupReport, Failure>,
        print: impl Fn(&LookupReport, Format) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let format = self.node.format;
        with_node(&self.node, registry, async |dht, troubles| {
            for info_hash in &self.info_hashes {
                let report = work(dht, *info_hash, format).await?;
                if !report.joined {
                    return Err(troubles.not_joined(&self.node));
                }
                print(&report, format)?;
            }
            Ok(())
        })
        .await
    }
}
