//! The UI's files and the page that leads to them. What the build holds depends on whether the front
//! end was built before, so these look at what is served, not at its content.

use super::double::Double;
use super::{KEY, Reply, network, serving, start};

async fn page(server: &super::Harness, path: &str) -> Reply {
    Reply::of(server.http.get(server.url(path)).header("accept", "text/html")).await
}

#[tokio::test]
async fn the_page_is_locked_down_and_carries_the_cookie() {
    let server = serving(&[]).await;
    let reply = page(&server, "/").await;
    assert!(matches!(reply.status, 200 | 503), "{}", reply.status);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("http"));
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(reply.header("x-frame-options"), "DENY");
    assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin");
}

#[tokio::test]
async fn cat_h40_every_answer_says_how_little_a_browser_may_do_with_it() {
    let server = serving(&[]).await;
    let index = page(&server, "/").await;
    let script = index.text.find("/assets/").map(|at| &index.text[at..]);
    let script = script.and_then(|text| text.split('"').next());
    let answers = ["/", "/v1/models", "/healthz", "/api/v1/status", "/none.php"];
    for path in answers.into_iter().chain(script) {
        let reply = page(&server, path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), value, "{path} {name}");
        }
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{path}");
        let is_kept = reply.header("cache-control").contains("immutable");
        assert!(is_kept || reply.header("cache-control") == "no-store", "{path}");
        // What a browser runs or shows has the policy of the page.
        let is_shown = path == "/" || path.starts_with("/assets/");
        let policy = reply.header("content-security-policy");
        assert_eq!(policy.is_empty(), !is_shown, "{path}");
        assert_eq!(policy, if is_shown { index.header("content-security-policy") } else { "" });
    }
}

#[tokio::test]
async fn cat_h38_pages_of_the_ui_are_the_page_and_everything_else_is_404() {
    let server = serving(&[]).await;
    let index = page(&server, "/").await;
    for path in ["/jobs", "/mesh/computers", "/chat/018f2b6e-7a10"] {
        assert_eq!(page(&server, path).await.text, index.text, "{path}");
    }
    for path in [
        "/api/v2",
        "/api",
        "/v1",
        "/v1/nothing",
        "/assets/none.js",
        "/x.php",
        "/.env",
        "/files/..%2f..%2fetc%2fpasswd",
        "/a%00b",
        "/C:%5C",
        "/a:b",
        "/aux.gguf",
    ] {
        assert_eq!(page(&server, path).await.error(), "404 not_found @ -", "{path}");
    }
    let program = Reply::of(server.http.get(server.url("/jobs"))).await;
    assert_eq!(program.error(), "404 not_found @ -");
}

#[tokio::test]
async fn files_with_a_hash_in_their_names_are_kept_for_ever() {
    let server = serving(&[]).await;
    let index = page(&server, "/").await;
    let Some(at) = index.text.find("/assets/") else {
        assert_eq!(index.status, 503, "a built page loads its script");
        return;
    };
    let path = index.text[at..].split('"').next().expect("an attribute's end");
    let script = page(&server, path).await;
    assert_eq!(script.status, 200);
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(
        script.header("content-type").starts_with("text/"),
        "{}",
        script.header("content-type")
    );
    let tag = script.header("etag");
    let again = server.http.get(server.url(path)).header("if-none-match", tag);
    assert_eq!(Reply::of(again).await.status, 304);
}

#[tokio::test]
async fn on_a_network_the_page_gives_no_cookie() {
    let server = start(network(), Double::new(&[])).await;
    let reply = Reply::of(server.http.get(server.url("/")).bearer_auth(KEY)).await;
    assert!(!reply.headers.contains_key("set-cookie"));
}
