//! Pages for people.

use reqwest::{Method, Response};
use resonance_polar_sandbox::{Options, Product, Status};
use serde_json::{Value, json};

use crate::support::{World, options};

async fn follow(world: &World, url: &str, method: Method) -> Response {
    let path = url.strip_prefix(world.sandbox.base_url()).unwrap();
    world
        .asks(method, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("customer_email=a%40example.com")
        .send()
        .await
        .unwrap()
}

fn location(response: &Response) -> String {
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().unwrap().to_owned()
}

async fn world() -> World {
    let product = Product {
        id: "p".to_owned(),
        name: "Big & <bold>".to_owned(),
        cents: 1_905,
    };
    World::with(Options {
        products: vec![product],
        ..options()
    })
    .await
}

#[tokio::test]
async fn people_pay_once_and_come_back() {
    let world = world().await;
    let checkout = json!({
        "products": ["p"], "external_customer_id": "org_a", "success_url": "https://app.example/?c={CHECKOUT_ID}",
    });
    let made: Value = world.post("/v1/checkouts/", checkout).await.json().await.unwrap();
    let url = made["url"].as_str().unwrap();
    let page = follow(&world, url, Method::GET).await.text().await.unwrap();
    assert!(
        page.contains("Big &amp; &lt;bold&gt;") && page.contains("$19.05") && page.contains(">Pay<"),
        "{page}"
    );
    let target = format!("https://app.example/?c={}", made["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(location(&follow(&world, url, Method::POST).await), target);
    }
    assert_eq!(location(&follow(&world, url, Method::GET).await), target);
    let listed = world.get("/v1/subscriptions/?external_customer_id=org_a").await;
    assert_eq!(listed["pagination"]["total_count"], 1);
    assert_eq!(listed["items"][0]["customer"]["email"], "a@example.com");
    let unknown = world.asks(Method::GET, "/checkout/nothing").send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn people_cancel_and_resume_their_own_subscriptions() {
    let world = world().await;
    let mine = world
        .sandbox
        .create_subscription("me", "p", Status::Active)
        .unwrap();
    let other = world
        .sandbox
        .create_subscription("other", "p", Status::Active)
        .unwrap();
    let wanted = json!({ "external_customer_id": "me", "return_url": "https://app.example/" });
    let session: Value = world
        .post("/v1/customer-sessions/", wanted)
        .await
        .json()
        .await
        .unwrap();
    let portal = session["customer_portal_url"].as_str().unwrap();
    let page = follow(&world, portal, Method::GET).await.text().await.unwrap();
    assert!(page.contains(">Cancel<") && !page.contains(">Resume<") && page.contains("https://app.example/"));
    let id = mine["id"].as_str().unwrap();
    for (action, canceled, button) in [("cancel", true, ">Resume<"), ("resume", false, ">Cancel<")] {
        let answer = follow(&world, &format!("{portal}/{id}/{action}"), Method::POST).await;
        assert_eq!(location(&answer), portal);
        let subscription = world.get(&format!("/v1/subscriptions/{id}")).await;
        assert_eq!(subscription["cancel_at_period_end"], canceled);
        assert!(
            follow(&world, portal, Method::GET)
                .await
                .text()
                .await
                .unwrap()
                .contains(button)
        );
    }
    let foreign = format!("{portal}/{}/cancel", other["id"].as_str().unwrap());
    assert_eq!(follow(&world, &foreign, Method::POST).await.status(), 404);
    let path = "/portal/nothing";
    assert_eq!(world.asks(Method::GET, path).send().await.unwrap().status(), 404);
}
