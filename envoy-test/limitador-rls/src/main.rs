//! The crate `limitador` behind Envoy's global rate limit protocol, as Limitador's own server has it.
//!
//! `limitador-rls [--cached] LIMITS.yaml REDIS_URL`: listens on a free port of the loopback address and prints it, and ends when its
//! standard input does. With `--cached` counters are kept in memory and written to Redis every 100 ms.

mod protocol;
mod server;

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use limitador::limit::Limit;
use limitador::storage::redis::{AsyncRedisStorage, CachedRedisStorageBuilder};
use limitador::storage::{AsyncCounterStorage, AsyncStorage};
use limitador::{AsyncRateLimiter, AsyncRateLimiterBuilder};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let cached = arguments.first().is_some_and(|first| first == "--cached");
    arguments.drain(..usize::from(cached));
    let [file, redis] = arguments.as_slice() else {
        return Err("usage: limitador-rls [--cached] LIMITS.yaml REDIS_URL".into());
    };
    let limiter = limiter(file, redis, cached).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let serving = Server::builder()
        .add_service(server::RateLimitServer::new(limiter))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    tokio::select! {
        ended = serving => Ok(ended?),
        () = input_ends() => Ok(()),
    }
}

async fn limiter(file: &str, redis: &str, cached: bool) -> Result<AsyncRateLimiter, Box<dyn Error>> {
    let storage: Box<dyn AsyncCounterStorage> = if cached {
        Box::new(CachedRedisStorageBuilder::new(redis).flushing_period(FLUSHED_EVERY).build().await?)
    } else {
        Box::new(AsyncRedisStorage::new(redis).await?)
    };
    let limiter = AsyncRateLimiterBuilder::new(AsyncStorage::with_counter_storage(storage)).build();
    let limits: Vec<Limit> = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
    for limit in limits {
        limiter.add_limit(limit);
    }
    Ok(limiter)
}

/// Whoever started this is gone.
async fn input_ends() {
    let mut input = tokio::io::stdin();
    while !matches!(input.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
}

const FLUSHED_EVERY: Duration = Duration::from_millis(100);
