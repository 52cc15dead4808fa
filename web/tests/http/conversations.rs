//! Conversations over HTTP: written, read, saved, taken back, deleted; and what is refused.

use std::sync::atomic::Ordering;

use pumasi_web::limits::{MESSAGE_BYTES, SEARCH_BYTES, TITLE_BYTES};
use serde_json::{Value, json};

use super::{Harness, Reply, TOKEN, serving};

const PATH: &str = "/api/v1/conversations/c1";

async fn put(server: &Harness, path: &str, body: &Value) -> Reply {
    Reply::of(server.http.put(server.url(path)).bearer_auth(TOKEN).json(body)).await
}

fn change() -> Value {
    let question = json!({ "id": "m1", "role": "user", "at_ms": 5, "content": "감이 뭐야?" });
    let facts =
        json!({ "end": "done", "tokens": 3, "seams": [2], "node": { "id": "n", "name": "d" } });
    let answer = json!({
        "id": "m2", "parent": "m1", "role": "assistant", "at_ms": 6, "content": "A **fruit**.",
        "model": "words", "facts": facts,
    });
    let settings =
        json!({ "model": "words", "system": "Be brief.", "temperature": 0.5, "leaf": "m2" });
    json!({ "title": "Fruit", "settings": settings, "messages": [question, answer] })
}

#[tokio::test]
async fn a_conversation_is_written_read_saved_taken_back_and_deleted() {
    let server = serving(&[]).await;
    let written = put(&server, PATH, &change()).await;
    assert_eq!((written.status, &written.json()["id"]), (200, &json!("c1")), "{}", written.text);
    let read = Reply::of(server.get(PATH)).await.json();
    assert_eq!(
        (&read["messages"], &read["settings"]),
        (&change()["messages"], &change()["settings"])
    );

    let text = Reply::of(server.get(&format!("{PATH}?format=markdown"))).await;
    assert_eq!(
        text.text,
        "# Fruit\n\n> Be brief.\n\n## You\n\n감이 뭐야?\n\n## words\n\nA **fruit**.\n"
    );
    assert!(text.header("content-disposition").contains("pumasi-conversation.md"));
    let saved = Reply::of(server.get(&format!("{PATH}?format=file"))).await;
    assert_eq!(saved.json(), read);

    // Its id is taken, so the copy gets another.
    let copied = Reply::of(server.post("/api/v1/conversations", &saved.json())).await;
    let id = copied.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!((copied.status, id.len()), (201, 32));
    let copy = Reply::of(server.get(&format!("/api/v1/conversations/{id}"))).await.json();
    assert_eq!(copy["messages"], read["messages"]);

    let delete = || Reply::of(server.http.delete(server.url(PATH)).bearer_auth(TOKEN));
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.error(), "404 conversation_not_found @ -");
    assert_eq!(Reply::of(server.get(PATH)).await.error(), "404 conversation_not_found @ -");
}

#[tokio::test]
async fn what_is_not_a_conversation_is_refused_with_the_field() {
    let server = serving(&[]).await;
    let message = |id: &str, content: &str| json!({ "messages": [{ "id": id, "role": "user", "at_ms": 1, "content": content }] });
    let cases = [
        (json!({ "title": "x".repeat(TITLE_BYTES + 1) }), "400 string_too_long @ title"),
        (message("a/b", "x"), "400 invalid_type @ messages.id"),
        (message("a", &"x".repeat(MESSAGE_BYTES + 1)), "400 string_too_long @ messages.content"),
        (
            json!({ "settings": { "model": "m", "temperature": 3 } }),
            "400 out_of_range @ settings.temperature",
        ),
        (
            json!({ "settings": { "model": "m", "effort": "lots" } }),
            "400 invalid_value @ settings.effort",
        ),
        (json!({ "settings": { "model": "m", "leaf": "" } }), "400 invalid_type @ settings.leaf"),
        (json!({ "messages": [{ "role": "system" }] }), "400 invalid_type @ -"),
        (json!({ "colour": "red" }), "400 invalid_type @ -"),
    ];
    for (body, error) in cases {
        assert_eq!(put(&server, PATH, &body).await.error(), error, "{body:.80}");
    }
    let long = format!("/api/v1/conversations/{}", "x".repeat(65));
    assert_eq!(put(&server, &long, &json!({})).await.error(), "400 invalid_type @ id");
    let half = Reply::of(server.post("/api/v1/conversations", &json!({ "title": "x" }))).await;
    assert_eq!(half.error(), "400 invalid_type @ -");
}

#[tokio::test]
async fn a_list_is_searched_and_bounded() {
    let server = serving(&[]).await;
    let listed = Reply::of(server.get("/api/v1/conversations?search=%EA%B0%90&limit=0")).await;
    assert_eq!(listed.json()["data"][0]["id"], "known");
    let noted = server.mesh.changes.lock().expect("no test panics with it").clone();
    assert_eq!(noted, ["conversations \"감\" 1"]);
    let long = format!("/api/v1/conversations?search={}", "x".repeat(SEARCH_BYTES + 1));
    for wrong in [long.as_str(), "/api/v1/conversations?limit=many", &format!("{PATH}?format=pdf")]
    {
        assert_eq!(Reply::of(server.get(wrong)).await.status, 400, "{wrong:.60}");
    }
}

#[tokio::test]
async fn a_full_disk_is_said() {
    let server = serving(&[]).await;
    server.mesh.full_disk.store(true, Ordering::Relaxed);
    assert_eq!(put(&server, PATH, &change()).await.error(), "507 disk_full @ -");
}
