//! The model store, the hub and downloads over HTTP; and Ollama's words for them.

use async_trait::async_trait;
use pumasi_web::api::{self, Event, Pull, PullState};
use pumasi_web::mesh::{HubSearch, Stock, StockClass, StockError};
use serde_json::{Value, json};

use super::double::Handle;
use super::{Reply, serving};

pub(crate) fn a_pull(progress: PullState) -> Pull {
    Pull {
        id: "p1".to_owned(),
        model: "office/tiny:Q8_0".to_owned(),
        repo: "office/tiny".to_owned(),
        commit: "a".repeat(40),
        sha256: "b".repeat(64),
        progress,
        total_bytes: 100,
        done_bytes: 40,
        bytes_per_s: 10,
        left_s: Some(6),
        sources: vec![api::PullSource { name: "https://hub".to_owned(), bytes: 40 }],
        asked_ms: 1,
    }
}

fn none() -> StockError {
    StockError {
        class: StockClass::NotFound,
        code: "model_not_found",
        sentence: "there is none".to_owned(),
    }
}

#[async_trait]
impl Stock for Handle {
    async fn search(&self, search: HubSearch) -> Result<api::HubPage, StockError> {
        self.0.note(format!("search {search:?}"));
        Ok(api::HubPage { data: Vec::new(), next: None })
    }

    async fn repo(&self, name: &str) -> Result<api::HubRepo, StockError> {
        self.0.note(format!("repo {name}"));
        let class = StockClass::NeedsAuth;
        Err(StockError { class, code: "hub_auth_needed", sentence: "accept its terms".to_owned() })
    }

    async fn card(&self, name: &str) -> Result<api::HubCard, StockError> {
        Ok(api::HubCard { text: format!("# {name}\n<script>") })
    }

    async fn set_token(&self, token: Option<String>) -> Result<(), StockError> {
        self.0.note(format!("token {}", token.is_some()));
        Ok(())
    }

    fn pulls(&self) -> Vec<Pull> {
        vec![a_pull(PullState::Paused)]
    }

    async fn pull(&self, request: api::PullRequest) -> Result<Pull, StockError> {
        self.0.note(format!("pull {} {:?} {}", request.model, request.name, request.update));
        Ok(a_pull(PullState::Queued))
    }

    async fn pause(&self, id: &str) -> Result<Pull, StockError> {
        self.0.note(format!("pause {id}"));
        Ok(a_pull(PullState::Paused))
    }

    async fn resume(&self, id: &str) -> Result<Pull, StockError> {
        self.0.note(format!("resume {id}"));
        Ok(a_pull(PullState::Downloading))
    }

    async fn give_up(&self, id: &str) -> Result<(), StockError> {
        self.0.note(format!("give up {id}"));
        if id == "p1" { Ok(()) } else { Err(none()) }
    }

    async fn stock(&self) -> Result<api::Stock, StockError> {
        Ok(api::Stock {
            models: Vec::new(),
            used_bytes: 1,
            partial_bytes: 2,
            quota_bytes: None,
            disk_free_bytes: Some(3),
            free_bytes: 3,
            hub: "https://hub".to_owned(),
            hub_token: false,
        })
    }

    async fn pin(&self, model: &str, pinned: bool) -> Result<(), StockError> {
        self.0.note(format!("pin {model} {pinned}"));
        Ok(())
    }

    async fn remove(&self, model: &str) -> Result<(), StockError> {
        self.0.note(format!("remove stored {model}"));
        if model == "words" { Ok(()) } else { Err(none()) }
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StockError> {
        self.0.note(format!("copy {from} {to}"));
        Ok(())
    }

    async fn import(&self, request: api::ImportRequest) -> Result<Vec<api::Imported>, StockError> {
        self.0.note(format!("import {:?} {:?}", request.path, request.from));
        Ok(Vec::new())
    }

    async fn verify(&self, model: Option<String>) -> Result<Vec<api::Verified>, StockError> {
        self.0.note(format!("verify {model:?}"));
        Ok(Vec::new())
    }

    async fn sweep(&self, request: api::SweepRequest) -> Result<api::Swept, StockError> {
        self.0.note(format!("sweep {:?} {}", request.unused_days, request.dry));
        Ok(api::Swept::default())
    }
}

#[tokio::test]
async fn the_store_and_the_hub_are_asked_as_the_routes_say() {
    let server = serving(&[]).await;
    let got = async |path: &str| Reply::of(server.get(path)).await;
    let page = got("/api/v1/hub/search?q=tiny%20model&author=o&sort=likes&limit=5").await;
    assert_eq!((page.status, page.json()["data"].clone()), (200, json!([])));
    assert_eq!(got("/api/v1/hub/search?limit=many").await.error(), "400 invalid_query @ limit");
    assert_eq!(got("/api/v1/hub/repo").await.error(), "400 invalid_query @ name");
    assert_eq!(got("/api/v1/hub/repo?name=o%2Fn").await.error(), "403 hub_auth_needed @ -");
    let card = got("/api/v1/hub/card?name=o/n").await;
    assert_eq!(card.header("content-type"), "application/json", "never a page of ours");
    assert_eq!(card.json()["text"], "# o/n\n<script>");
    assert_eq!(got("/api/v1/pulls").await.json()["data"][0]["state"], "paused");
    let posted = async |path: &str, body: Value| Reply::of(server.post(path, &body)).await;
    let begun = posted("/api/v1/pulls", json!({ "model": "o/n:Q4_0", "name": "x" })).await;
    assert_eq!((begun.status, begun.json()["total_bytes"].clone()), (202, json!(100)));
    let unknown = posted("/api/v1/pulls", json!({ "model": "o/n", "to": 1 })).await;
    assert_eq!(unknown.status, 400);
    assert_eq!(posted("/api/v1/pulls/p1/pause", json!({})).await.status, 200);
    assert_eq!(posted("/api/v1/pulls/p1/resume", json!({})).await.json()["state"], "downloading");
    for path in ["/api/v1/store/verify", "/api/v1/store/sweep"] {
        assert_eq!(posted(path, json!({})).await.status, 200, "{path}");
    }
    assert_eq!(posted("/api/v1/hub/token", json!({ "token": "hf_x" })).await.status, 204);
    assert!(!server.mesh.changes().join(" ").contains("hf_x"));
}

#[tokio::test]
async fn ollamas_programs_pull_with_progress_in_lines() {
    let server = serving(&[]).await;
    let mesh = server.mesh.clone();
    tokio::spawn(async move {
        // The pull is watched from before it began, so nothing is missed.
        while !mesh.changes().iter().any(|change| change.starts_with("pull ")) {
            tokio::task::yield_now().await;
        }
        for progress in [PullState::Downloading, PullState::Checking, PullState::Done] {
            mesh.publish(Event::Pull { pull: Box::new(a_pull(progress)) });
        }
    });
    let reply = Reply::of(server.post("/api/pull", &json!({ "model": "hf.co/o/n:Q8_0" }))).await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> =
        reply.text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    assert_eq!(lines.first(), Some(&json!({ "status": "pulling manifest" })));
    assert_eq!(lines.last(), Some(&json!({ "status": "success" })));
    let coming = lines.iter().find(|line| line["completed"] == 40).expect("how far it is");
    assert_eq!(coming["digest"], format!("sha256:{}", "b".repeat(64)));
    assert!(lines.contains(&json!({ "status": "verifying sha256 digest" })));
    assert_eq!(server.mesh.changes(), ["pull hf.co/o/n:Q8_0 None true"]);
}

#[tokio::test]
async fn ollamas_delete_and_copy() {
    let server = serving(&[]).await;
    let delete = async |body: Value| {
        let request = server.http.delete(server.url("/api/delete")).bearer_auth(super::TOKEN);
        Reply::of(request.json(&body)).await
    };
    assert_eq!(delete(json!({ "model": "words" })).await.status, 200);
    assert_eq!(delete(json!({ "name": "none" })).await.status, 404);
    let copied = server.post("/api/copy", &json!({ "source": "a", "destination": "b" }));
    assert_eq!(Reply::of(copied).await.status, 200);
    let changes = server.mesh.changes();
    assert_eq!(changes, ["remove stored words", "remove stored none", "copy a b"]);
}
