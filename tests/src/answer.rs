//! All of an HTTP answer, for comparing answers.

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// An HTTP answer: what a client can see of it, but for what differs from one request to the next anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers in order of their names, without the date, the request's id and the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self::new(status, &headers, &response.bytes().await?))
    }

    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        const VARIES: [&str; 3] = ["date", "x-request-id", "content-length"];
        let mut headers: Vec<_> = headers
            .iter()
            .filter(|(name, _)| !VARIES.contains(&name.as_str()))
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        headers.sort();
        Self {
            status: status.as_u16(),
            headers,
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The same answer with every one of `words` replaced by a mark.
    #[must_use]
    pub fn without<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        for word in words {
            self.body = self.body.replace(word, "…");
            for (_, value) in &mut self.headers {
                *value = value.replace(word, "…");
            }
        }
        self
    }

    /// The code of the first thing that went wrong: of the request, else of the input; empty if nothing did.
    #[must_use]
    pub fn code(&self) -> String {
        let json = self.json();
        let of_request = &json["errors"][0]["extensions"]["code"];
        let of_input = json["data"]
            .as_object()
            .into_iter()
            .flat_map(|data| data.values())
            .map(|payload| &payload["userErrors"][0]["code"])
            .find(|code| code.is_string());
        of_request
            .as_str()
            .or_else(|| of_input.and_then(Value::as_str))
            .or_else(|| json["error"]["code"].as_str())
            .or_else(|| json["code"].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}
