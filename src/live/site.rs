//! A small HTTP server: metrics for a program, a page for a person. It reads;
//! nothing about the node can be changed by it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use mdht_node::Dht;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::document::document;
use super::exposition::{self, LookupSums};
use super::model::Model;
use crate::joining::{stats_document, status_text};

/// Connections served at once; more wait.
const MOST_CONNECTIONS: usize = 32;
/// How long a request may take to be read, and a connection to last.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// Most bytes of a request's head.
const MOST_HEAD: usize = 16 * 1024;

/// What the server shows.
pub(super) struct Site {
    pub(super) dht: Dht,
    pub(super) sums: LookupSums,
    pub(super) model: Arc<Mutex<Model>>,
    /// Whether the page is served; if not, metrics and status alone.
    pub(super) has_page: bool,
    pub(super) whole_addresses: bool,
    /// Whether it is bound to loopback, where only this machine may ask.
    pub(super) is_local: bool,
}

/// Serves until the program ends.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let site = site.clone();
                tokio::spawn(async move {
                    let served = serve_one(stream, site);
                    // a client that goes away is no fault of ours
                    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, served).await;
                    drop(place);
                });
            }
            // too many files open, say: it passes
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve_one(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(answer(&request, &site).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer<B>(request: &Request<B>, site: &Site) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
    }
    if site.is_local && !is_local_name(request.headers().get(HOST)) {
        let text =
            "ask by the address that it is bound to: another name may belong to another site\n";
        return plain(StatusCode::FORBIDDEN, text);
    }
    match request.uri().path() {
        "/metrics" => metrics(site).await,
        "/status" => status(site, |status| (TEXT, status_text(status) + "\n")).await,
        "/status.json" => {
            let shown = |status: &_| (JSON, stats_document("status", status).to_string());
            status(site, shown).await
        }
        path if site.has_page => page(path, site),
        _ => plain(
            StatusCode::NOT_FOUND,
            "there are /metrics, /status and /status.json\n",
        ),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

fn page(path: &str, site: &Site) -> Response<Full<Bytes>> {
    match path {
        "/" => body("text/html; charset=utf-8", include_str!("page/index.html")),
        "/page.css" => body("text/css; charset=utf-8", include_str!("page/page.css")),
        "/page.js" => body(
            "text/javascript; charset=utf-8",
            include_str!("page/page.js"),
        ),
        "/live.json" => match site.model.lock() {
            Ok(model) => body(JSON, document(&model, site.whole_addresses).to_string()),
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the view has stopped\n"),
        },
        _ => plain(StatusCode::NOT_FOUND, "nothing here\n"),
    }
}

async fn metrics(site: &Site) -> Response<Full<Bytes>> {
    let text = match site.dht.status().await {
        Ok(status) => exposition::text(status, &site.sums).ok(),
        Err(_) => None,
    };
    match text {
        Some(text) => body(exposition::MEDIA_TYPE, text),
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "the node has stopped\n"),
    }
}

async fn status(
    site: &Site,
    show: impl FnOnce(&mdht_node::Status) -> (&'static str, String),
) -> Response<Full<Bytes>> {
    match site.dht.status().await {
        Ok(status) => {
            let (media_type, text) = show(&status);
            body(media_type, text)
        }
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "the node has stopped\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = body(TEXT, text);
    *response.status_mut() = status;
    response
}

fn body(media_type: &'static str, content: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(content.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Whether a `Host` names this machine by address or as localhost. Any other
/// name may be a foreign page's, pointed here so that its scripts can read.
fn is_local_name(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host else { return true };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    };
    let is_address = bare
        .trim_matches(['[', ']'])
        .parse::<std::net::IpAddr>()
        .is_ok();
    is_address || host.parse::<SocketAddr>().is_ok() || bare.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_name_is_not_answered_on_loopback() {
        for host in [
            "127.0.0.1:9881",
            "127.0.0.1",
            "[::1]:80",
            "[::1]",
            "localhost:9881",
            "LOCALHOST",
        ] {
            assert!(
                is_local_name(Some(&HeaderValue::from_static(host))),
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "evil.example:9881",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
        ] {
            assert!(
                !is_local_name(Some(&HeaderValue::from_static(host))),
                "{host}"
            );
        }
        assert!(is_local_name(None));
    }
}
