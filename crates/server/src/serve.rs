//! Serving.

use std::{future::IntoFuture as _, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{Router, http::header, routing::get};
use resonance_gateway::{GatewayOptions, SchemaOptions};
use resonance_gateway_http::Limits;
use resonance_services::Services;
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tokio_util::sync::CancellationToken;

use crate::{configuration::Configuration, instance, telemetry};

/// How long open requests may take to finish once the server stops.
const GRACE: Duration = Duration::from_secs(15);

/// Serves until it is told to stop, then finishes what is open and hands unfinished jobs back.
pub(crate) async fn serve(mut configuration: Configuration) -> anyhow::Result<()> {
    let listener = TcpListener::bind(configuration.listen).await.with_context(|| {
        format!(
            "listen: {} cannot be listened on; choose another port",
            configuration.listen
        )
    })?;
    let address = listener.local_addr()?;
    if configuration.public_url_is_guess {
        // Port 0 lets the system choose one, which is known only now.
        configuration.settings.public_url = format!("http://{address}");
    }
    let metrics = telemetry::metrics()?;
    let instance = instance::open(&configuration).await?;
    let services = instance.services.clone();
    let catalogue_is_complete = services
        .seed_catalogue()
        .await
        .context("the catalogue of voices cannot be seeded")?;
    if let Some(address) = &configuration.operator {
        // The account may not exist yet; it is made an operator at the next start then.
        if let Err(error) = services.add_operator(address).await {
            tracing::warn!(
                address,
                error = &error as &dyn std::error::Error,
                "operator: no verified account has this address yet"
            );
        }
    }

    let stop = CancellationToken::new();
    if !catalogue_is_complete {
        let (services, stop) = (services.clone(), stop.clone());
        tokio::spawn(stop.run_until_cancelled_owned(async move { complete_catalogue(&services).await }));
    }
    let background = tokio::spawn({
        let (services, stop) = (services.clone(), stop.clone());
        async move { services.run(stop).await }
    });
    let schema = SchemaOptions {
        introspection: configuration.introspection,
        complexity: configuration.query_complexity,
    };
    let options = GatewayOptions {
        playground: configuration.playground,
        mails: instance.mails.filter(|_| configuration.shows_mails()),
        allowed_origins: configuration.allowed_origins.clone(),
        trusted_proxies: configuration.trusted_proxies,
        limits: Limits {
            depth: configuration.query_depth,
            execution: configuration.request_timeout,
            ..Limits::default()
        },
        stop: stop.clone(),
    };
    let measured = services.clone();
    let metrics = get(async move || {
        measured.set_gauges().await;
        (
            [(header::CONTENT_TYPE, telemetry::METRICS_TYPE)],
            metrics.render(),
        )
    });
    let router =
        resonance_gateway::router(services, schema, options).merge(Router::new().route("/metrics", metrics));

    tracing::info!(%address, url = configuration.settings.public_url, "listening");
    let server = axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stop.clone().cancelled_owned());
    let server = tokio::spawn(server.into_future());

    told_to_stop().await?;
    tracing::info!("stopping");
    stop.cancel();
    match tokio::time::timeout(GRACE, server).await {
        Ok(served) => served??,
        Err(_) => tracing::warn!("requests were still open and are given up"),
    }
    background.await?;
    instance.database.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Asks for the voices of engines that did not answer at the start, until all of them have.
async fn complete_catalogue(services: &Services) {
    loop {
        tokio::time::sleep(CATALOGUE_AGAIN_AFTER).await;
        match services.seed_catalogue().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the catalogue of voices cannot be seeded"
            ),
        }
    }
}

/// The wait before engines that did not answer are asked for their voices again.
const CATALOGUE_AGAIN_AFTER: Duration = Duration::from_secs(60);
