//! What the embedding gateway adds to each operation.

use async_graphql::Data;
use http::{header, request::Parts};

use crate::Refusal;

/// How an operation came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A POST or GET that is answered once.
    Http,
    /// A POST or GET that is answered by server-sent events.
    EventStream,
    /// A message on a WebSocket.
    WebSocket,
}

/// Who asks: the HTTP request, and on a WebSocket what the client said in its first message.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// The head of the HTTP request; on a WebSocket, of the upgrade. Its extensions are those that layers around this route
    /// have put there.
    pub parts: &'a Parts,
    /// The payload of `connection_init`, on a WebSocket; elsewhere, and if the client sent none, absent.
    pub connection_init: Option<&'a serde_json::Value>,
    /// How the operation came in.
    pub transport: Transport,
}

impl<'a> Client<'a> {
    /// The client's credentials, as an `Authorization` header carries them: from the payload of `connection_init`, where
    /// clients whose handshake cannot carry headers put them, or else from the request.
    #[must_use]
    pub fn authorization(&self) -> Option<&'a str> {
        let init = self.connection_init.and_then(|init| {
            let (_, value) = init
                .as_object()?
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
            value.as_str()
        });
        init.or_else(|| self.parts.headers.get(header::AUTHORIZATION)?.to_str().ok())
    }
}

/// Supplies what resolvers find in their context: the authenticated actor, data loaders, and the like.
///
/// Asked once for every operation, on every transport. On a WebSocket it is asked once more when the connection opens, to
/// refuse it as a whole; a session that ends in between is thus noticed by the next operation, and loaders never outlive
/// the operation that they were made for.
pub trait RequestData: Send + Sync + 'static {
    /// The data of one operation.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if this client is not to be served at all.
    fn request_data(&self, client: Client<'_>) -> impl Future<Output = Result<Data, Refusal>> + Send;
}

/// No data: for schemas whose resolvers need none.
impl RequestData for () {
    async fn request_data(&self, _client: Client<'_>) -> Result<Data, Refusal> {
        Ok(Data::default())
    }
}
