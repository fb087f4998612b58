//! A sandbox that looks like Polar's billing API, as a program.

use std::{io::Write as _, net::SocketAddr};

use clap::Parser;
use resonance_polar_sandbox::{Options, Product, Sandbox, Webhook};

/// Looks like Polar's billing API, keeps everything in memory, and takes no money.
#[derive(Debug, Parser)]
#[command(name = "polar-sandbox", version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The token that calls under /v1 must bear.
    #[arg(long, default_value = "polar_sandbox")]
    token: String,
    /// Where webhooks go.
    #[arg(long, requires = "webhook_secret")]
    webhook_url: Option<String>,
    /// What webhooks are signed with.
    #[arg(long, requires = "webhook_url")]
    webhook_secret: Option<String>,
    /// A product, its name, and what a month costs in US cents: ID:NAME:CENTS. Can be given several times.
    #[arg(long = "product")]
    products: Vec<Product>,
    /// How many calls under /v1 are answered within any minute.
    #[arg(long)]
    requests_per_minute: Option<u32>,
    /// What the addresses of pages begin with, if not with where it listens.
    #[arg(long)]
    public_url: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let webhook = arguments
        .webhook_url
        .zip(arguments.webhook_secret)
        .map(|(url, secret)| Webhook { url, secret });
    let mut options = Options {
        listen: arguments.listen,
        token: arguments.token,
        webhook,
        requests_per_minute: arguments.requests_per_minute,
        public_url: arguments.public_url,
        ..Options::default()
    };
    if !arguments.products.is_empty() {
        options.products = arguments.products;
    }
    let sandbox = Sandbox::start(options).await?;
    writeln!(std::io::stdout(), "listening on http://{}", sandbox.address())?;
    tokio::select! {
        () = sandbox.run() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
