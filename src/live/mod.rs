//! A running node to be looked at: metrics for programs, a page and a screen
//! for people.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_node::{Dht, LookupNews};
use tokio::sync::broadcast::error::RecvError;

use crate::output::{Failure, note};

mod asking;
mod document;
mod exposition;
mod line;
mod model;
mod screen;
mod site;

pub(crate) use asking::print_status;
pub(crate) use line::LiveLine;
use model::Model;
pub(crate) use screen::Screen;

/// How often the node's state is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where a node can be looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    /// `--metrics`.
    pub(crate) metrics: Option<SocketAddr>,
    /// `--web`.
    pub(crate) web: Option<SocketAddr>,
    /// `--log-addresses`.
    pub(crate) whole_addresses: bool,
}

/// What is known of a running node, as far as somebody looks.
#[derive(Clone, Default)]
pub(crate) struct View {
    model: Arc<Mutex<Model>>,
    sums: exposition::LookupSums,
}

impl View {
    /// Follows the node's lookups from now on.
    pub(crate) fn follow(dht: &Dht) -> Self {
        let view = Self::default();
        let (own, mut moments) = (view.clone(), dht.watch_lookups());
        tokio::spawn(async move {
            loop {
                match moments.recv().await {
                    Ok(moment) => {
                        if let LookupNews::Done(report) = &moment.what {
                            own.sums.add(report);
                        }
                        if let Ok(mut model) = own.model.lock() {
                            model.on_moment(&moment);
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        view
    }

    /// Looks at the node's state each second, for the page and the screen.
    pub(crate) fn look(&self, dht: &Dht) {
        let (own, dht) = (self.clone(), dht.clone());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            loop {
                ticks.tick().await;
                let Ok(status) = dht.status().await else {
                    return;
                };
                if let Ok(mut model) = own.model.lock() {
                    model.on_status(status);
                }
            }
        });
    }

    pub(crate) fn on_notice(&self, notice: String) {
        if let Ok(mut model) = self.model.lock() {
            model.on_notice(notice);
        }
    }

    /// Serves metrics and page where they were asked for.
    pub(crate) async fn serve(&self, dht: &Dht, places: &Places) -> Result<(), Failure> {
        let shown = [
            ("--metrics", places.metrics, "/metrics"),
            ("--web", places.web, "/"),
        ];
        for (flag, addr, path) in shown {
            let Some(addr) = addr else { continue };
            let bound = tokio::net::TcpListener::bind(addr).await;
            let fault = |error| Failure::Failed(format!("{flag} {addr}: cannot listen: {error}"));
            let listener = bound.map_err(fault)?;
            let local = listener.local_addr().map_err(fault)?;
            if !local.ip().is_loopback() {
                note(&format!(
                    "{flag} {local} can be read by everybody who reaches it"
                ));
            }
            note(&format!("http://{local}{path}"));
            let site = site::Site {
                dht: dht.clone(),
                sums: self.sums.clone(),
                model: self.model.clone(),
                has_page: flag == "--web",
                whole_addresses: places.whole_addresses,
                is_local: local.ip().is_loopback(),
            };
            tokio::spawn(site::serve(listener, Arc::new(site)));
        }
        Ok(())
    }
}
