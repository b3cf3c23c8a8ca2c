//! HTTP on a listener: how many connections there may be, and how long each may keep silent.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long requests under way get to end after SIGTERM.
pub const GRACE: Duration = Duration::from_secs(10);

/// How long nobody is let in after the system had no room for one more.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that are told at the same time that there are too many; further ones are closed without a word.
const TURNED_AWAY_AT_ONCE: usize = 16;

/// How long a client that is turned away may take to read why.
const FAREWELL: Duration = Duration::from_millis(200);

/// What whoever comes to a full house is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 77\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"too many connections, try again\",\"status\":503}";

/// Files that this process needs at most for itself and its databases.
const OWN_FILES: u64 = 100;

/// How many connections clients may have: four fifths of the files that this process may open, unless it needs more of
/// them itself.
pub fn most_connections() -> Result<usize> {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE).context("the limit of open files")?;
    let clients = files.saturating_sub(OWN_FILES.max(files / 5)).max(1);
    Ok(usize::try_from(clients).unwrap_or(usize::MAX))
}

/// Serves until `stop`, then lets requests under way end. A connection on which no complete header arrives within
/// `header_read_timeout`, at first or after an answer, is closed; so is one beyond `most` at a time.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    most: usize,
    header_read_timeout: Duration,
    stop: CancellationToken,
) -> Result<()> {
    describe_gauge!("caravan_http_connections", "Connections of clients that are open");
    describe_counter!("caravan_http_connections_refused_total", "Connections that were too many and told so");
    gauge!("caravan_http_connections").increment(0);
    counter!("caravan_http_connections_refused_total").increment(0);
    let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let doorkeepers = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_read_timeout);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(lack) = lack(&error) {
                    tracing::error!("no connection can be taken: {lack}");
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            counter!("caravan_http_connections_refused_total").increment(1);
            if let Ok(doorkeeper) = doorkeepers.clone().try_acquire_owned() {
                tokio::spawn(async move {
                    turn_away(stream).await;
                    drop(doorkeeper);
                });
            }
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |request| answer(router.clone(), peer, request));
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        gauge!("caravan_http_connections").increment(1);
        tokio::spawn(async move {
            // How a client breaks off is its own business.
            let _ = connection.await;
            gauge!("caravan_http_connections").decrement(1);
            drop(place);
        });
    }
    let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
    Ok(())
}

async fn answer(router: Router, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

/// What the system lacks for one more connection; nothing where only this client is gone.
fn lack(error: &io::Error) -> Option<String> {
    match error.raw_os_error() {
        Some(code) if code == Errno::EMFILE as i32 => {
            Some("this process has as many files open as it may (EMFILE): raise its limit, `ulimit -n`".to_owned())
        }
        Some(code) if code == Errno::ENFILE as i32 => {
            Some("the system has as many files open as it may (ENFILE)".to_owned())
        }
        _ => match error.kind() {
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => None,
            _ => Some(error.to_string()),
        },
    }
}

async fn turn_away(mut stream: TcpStream) {
    let told = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await?;
        // Closed with unread bytes in it, a connection is reset, and the client never reads what it was told.
        while stream.read(&mut [0; 1024]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = tokio::time::timeout(FAREWELL, told).await;
}
