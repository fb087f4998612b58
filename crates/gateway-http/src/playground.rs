//! GraphiQL, served from inside the binary: no asset comes from another host.

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Where the assets are served. Their addresses carry a digest, so that they can be cached for ever.
const ASSETS: &str = "/playground-assets";

/// Scripts and connections of this host only. GraphiQL's editor writes style elements and draws with data URIs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

/// A page on which people explore the schema and try operations: GraphiQL, with documentation, an editor for headers, and
/// subscriptions over WebSocket. What is typed into the headers is not kept when the page is left.
///
/// ```
/// use resonance_gateway_http::Playground;
///
/// let app: axum::Router = Playground::new("/graphql").title("Our API").routes("/");
/// # drop(app);
/// ```
#[derive(Debug, Clone)]
pub struct Playground {
    endpoint: String,
    subscriptions: String,
    title: String,
    headers: String,
    query: String,
}

impl Playground {
    /// A playground for the GraphQL endpoint at this path.
    #[must_use]
    pub fn new(endpoint: impl Into<String>) -> Self {
        let endpoint = endpoint.into();
        Self {
            subscriptions: endpoint.clone(),
            endpoint,
            title: "GraphiQL".to_owned(),
            headers: String::new(),
            query: String::new(),
        }
    }

    /// Sets the path for WebSockets, if it differs.
    #[must_use]
    pub fn subscriptions(mut self, path: impl Into<String>) -> Self {
        self.subscriptions = path.into();
        self
    }

    /// Sets the page's title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets what the editor for headers holds at first: a JSON object, such as `{ "Authorization": "Bearer …" }`.
    #[must_use]
    pub fn headers(mut self, json: impl Into<String>) -> Self {
        self.headers = json.into();
        self
    }

    /// Sets what the editor for operations holds at first.
    #[must_use]
    pub fn query(mut self, text: impl Into<String>) -> Self {
        self.query = text.into();
        self
    }

    /// The routes: the page at `path`, and its assets under `/playground-assets`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self, path: &str) -> Router<S> {
        self.page(path).route(&format!("{ASSETS}/{{*name}}"), get(asset))
    }

    /// The page at `path` alone, for a second one beside another's [`Playground::routes`].
    pub fn page<S: Clone + Send + Sync + 'static>(&self, path: &str) -> Router<S> {
        let page = Bytes::from(self.html());
        Router::new().route(path, get(move || async move { respond_page(page) }))
    }

    fn html(&self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <link rel=\"stylesheet\" href=\"{graphiql_css}\">\n<link rel=\"stylesheet\" href=\"{page_css}\">\n\
             </head>\n<body>\n\
             <div id=\"graphiql\" data-endpoint=\"{endpoint}\" data-subscriptions=\"{subscriptions}\" \
             data-headers=\"{headers}\" data-query=\"{query}\"><p>This page needs JavaScript.</p></div>\n\
             <script src=\"{react}\"></script>\n<script src=\"{react_dom}\"></script>\n\
             <script src=\"{graphiql}\"></script>\n<script src=\"{page}\"></script>\n</body>\n</html>\n",
            title = escape(&self.title),
            endpoint = escape(&self.endpoint),
            subscriptions = escape(&self.subscriptions),
            headers = escape(&self.headers),
            query = escape(&self.query),
            graphiql_css = address("graphiql.min.css"),
            page_css = address("page.css"),
            react = address("react.production.min.js"),
            react_dom = address("react-dom.production.min.js"),
            graphiql = address("graphiql.min.js"),
            page = address("page.js"),
        )
    }
}

fn respond_page(page: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
}

async fn asset(Path(name): Path<String>, request: HeaderMap) -> Response {
    let Some(file) = Assets::get(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", digest(&file));
    let known = request
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let kind =
        HeaderValue::try_from(file.metadata.mimetype()).unwrap_or(HeaderValue::from_static("text/plain"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (
            header::ETAG,
            HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\"")),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let content = match file.data {
        std::borrow::Cow::Borrowed(content) => Bytes::from_static(content),
        std::borrow::Cow::Owned(content) => Bytes::from(content),
    };
    (headers, content).into_response()
}

/// The address of an asset, which changes when its content does.
fn address(name: &str) -> String {
    let version = Assets::get(name).map(|file| digest(&file)).unwrap_or_default();
    format!("{ASSETS}/{name}?v={version}")
}

fn digest(file: &EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..8])
}

/// Text as it may stand in an element or a quoted attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
