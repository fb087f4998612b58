//! Somebody who talks to a node over HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Answer;

/// A client with or without a session.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    token: Option<String>,
    organization: Option<String>,
    address: Option<String>,
    graphql: &'static str,
    http: reqwest::Client,
}

/// An answer of the GraphQL endpoint.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Client {
    pub(crate) fn new(base: String, token: Option<String>) -> Self {
        // Several tests of a process may come here; the first one installs the provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            base,
            token,
            organization: None,
            address: None,
            graphql: "/graphql",
            http: reqwest::Client::new(),
        }
    }

    /// The same client with a session.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same client, working in an organization.
    #[must_use]
    pub fn working_in(&self, organization: &str) -> Self {
        Self {
            organization: Some(organization.to_owned()),
            ..self.clone()
        }
    }

    /// The same client, behind a proxy that saw it at this network address.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            ..self.clone()
        }
    }

    /// The same client, talking to another node.
    #[must_use]
    pub fn at(&self, server: &crate::Server) -> Self {
        Self {
            base: server.url(""),
            ..self.clone()
        }
    }

    /// The same client, asking for GraphQL at another path: at the operators', or at one where there is nothing.
    #[must_use]
    pub fn asking_at(&self, path: &'static str) -> Self {
        Self {
            graphql: path,
            ..self.clone()
        }
    }

    /// The session's token.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// Asks, whatever comes back.
    ///
    /// # Panics
    /// If no JSON comes back.
    pub async fn ask(&self, query: &str, variables: Value) -> Reply {
        let response = self
            .request(reqwest::Method::POST, self.graphql)
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        Reply {
            status,
            body: response.json().await.unwrap(),
        }
    }

    /// Asks, and expects data without errors.
    ///
    /// # Panics
    /// If there are errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let reply = self.ask(query, variables).await;
        assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
        reply.body["data"].clone()
    }

    /// Runs a mutation with one `input`, and expects its payload without user errors.
    ///
    /// # Panics
    /// If there are errors of either kind.
    pub async fn mutate(&self, name: &str, input_type: &str, selection: &str, input: Value) -> Value {
        let payload = self.try_mutate(name, input_type, selection, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    /// Runs a mutation with one `input`; its payload with whatever user errors.
    ///
    /// # Panics
    /// If the request as a whole fails.
    pub async fn try_mutate(&self, name: &str, input_type: &str, selection: &str, input: Value) -> Value {
        let query = format!(
            "mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
        );
        self.data(&query, json!({ "input": input })).await[name].clone()
    }

    /// Runs a mutation that uploads a file as `variables.input.<field>`.
    ///
    /// # Panics
    /// If no JSON comes back.
    pub async fn upload(&self, query: &str, variables: Value, field: &str, file: Vec<u8>) -> Reply {
        let answer = self.answer_with_file(query, variables, field, file).await;
        Reply {
            status: answer.status,
            body: serde_json::from_str(&answer.body).unwrap(),
        }
    }

    /// The same, keeping all of what comes back.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn answer_with_file(
        &self,
        query: &str,
        variables: Value,
        field: &str,
        file: Vec<u8>,
    ) -> Answer {
        let file = Some((field, file));
        self.try_answer(query, variables, file).await.unwrap()
    }

    /// Asks, with a file as `variables.input.<field>` or without, of a server that may die meanwhile.
    ///
    /// # Errors
    /// If it does.
    pub async fn try_answer(
        &self,
        query: &str,
        variables: Value,
        file: Option<(&str, Vec<u8>)>,
    ) -> Result<Answer, reqwest::Error> {
        let operation = json!({ "query": query, "variables": variables });
        let request = self
            .request(reqwest::Method::POST, self.graphql)
            .header("accept", "application/graphql-response+json");
        let request = match file {
            None => request.json(&operation),
            Some((field, file)) => {
                let map = json!({ "0": [format!("variables.input.{field}")] });
                let form = reqwest::multipart::Form::new()
                    .text("operations", operation.to_string())
                    .text("map", map.to_string())
                    .part("0", reqwest::multipart::Part::bytes(file).file_name("file"));
                request.header("graphql-preflight", "1").multipart(form)
            }
        };
        Answer::of(request.send().await?).await
    }

    /// A request to a path (or to an absolute URL of this server) with the client's credentials.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(organization) = &self.organization {
            request = request.header("x-resonance-organization", organization);
        }
        if let Some(address) = &self.address {
            request = request.header("x-forwarded-for", address);
        }
        request
    }

    /// Asks, and keeps all of what comes back.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn answer(&self, query: &str, variables: Value) -> Answer {
        self.try_answer(query, variables, None).await.unwrap()
    }

    /// Subscribes by server-sent events, and gives what comes within `patience` or until the end.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn listen(&self, query: &str, variables: Value, patience: Duration) -> Answer {
        let request = self
            .request(reqwest::Method::POST, self.graphql)
            .header("accept", "text/event-stream")
            .json(&json!({ "query": query, "variables": variables }));
        let mut response = request.send().await.unwrap();
        let mut body = Vec::new();
        let _ = tokio::time::timeout(patience, async {
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk);
            }
        })
        .await;
        Answer::new(response.status(), response.headers(), &body)
    }

    /// Fetches a path, and keeps all of what comes back.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn fetch(&self, path: &str) -> Answer {
        Answer::of(self.get(path).await).await.unwrap()
    }

    /// Fetches a path with the client's credentials.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.request(reqwest::Method::GET, path).send().await.unwrap()
    }
}

impl Reply {
    /// The code of the first error; empty if there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }
}
