//! What whoever looks after the computers asks for: the doctor, the audit log, removing a member.

use pumasi_web::api::KeyScope;
use pumasi_web::keys::Terms;
use serde_json::json;

use super::double::{Double, NODE};
use super::guard::ask;
use super::{KEY, Reply, serving, start, terms, with_keys};

#[tokio::test]
async fn the_audit_log_is_a_list_or_a_file_and_its_queries_are_checked() {
    let server = serving(&[]).await;
    let listed = Reply::of(server.get("/api/v1/audit?since_ms=5&person=kim&limit=7")).await;
    assert_eq!(listed.json()["data"][0]["act"], "started");
    let asked = r#"audit AuditFilter { since_ms: 5, person: Some("kim"), limit: 7 }"#;
    assert_eq!(server.mesh.changes(), [asked]);
    let csv = Reply::of(server.get("/api/v1/audit?format=csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"pumasi-audit.csv\"");
    assert!(csv.text.starts_with("\u{feff}time,act,") && csv.text.contains("\"'=1+1\""));
    let lines = Reply::of(server.get("/api/v1/audit?format=jsonl")).await;
    assert_eq!((lines.text.lines().count(), lines.status), (1, 200));
    for (query, param) in
        [("since_ms=-1", "since_ms"), ("limit=x", "limit"), ("format=xml", "format")]
    {
        let reply = Reply::of(server.get(&format!("/api/v1/audit?{query}"))).await;
        assert_eq!(reply.error(), format!("400 invalid_query @ {param}"));
    }
}

#[tokio::test]
async fn a_key_reads_its_persons_log_and_the_doctor_and_tries_no_address() {
    let scoped = |scope| Terms { scopes: [scope].into_iter().collect(), ..terms(KEY) };
    let with = |scope| start(with_keys(vec![scoped(scope)]), Double::new(&[]));
    let key = [("x-api-key", KEY)];
    let server = with(KeyScope::Jobs).await;
    let listed = ask(&server, "GET", "/api/v1/audit", &key).await;
    assert_eq!(listed.json()["data"][0]["person"], "kim");
    let doctor = ask(&server, "GET", "/api/v1/doctor", &key).await;
    assert_eq!(doctor.error(), "403 scope_missing @ -");

    let server = with(KeyScope::Operate).await;
    assert_eq!(ask(&server, "GET", "/api/v1/doctor", &key).await.status, 200);
    // Else it could look for open ports of the office from here.
    let tried = ask(&server, "GET", "/api/v1/doctor?peer=10.0.0.7", &key).await;
    assert_eq!(tried.error(), "403 not_by_key @ -");
    assert_eq!(ask(&server, "GET", "/api/v1/audit", &key).await.error(), "403 scope_missing @ -");
    let remove = format!("/api/v1/nodes/{NODE}/remove");
    assert_eq!(ask(&server, "POST", &remove, &key).await.error(), "403 not_by_key @ -");
}

#[tokio::test]
async fn one_computer_is_looked_at_by_name_and_removed_by_its_id() {
    let server = serving(&[]).await;
    assert_eq!(Reply::of(server.get("/api/v1/doctor?peer=desk")).await.status, 200);
    let nobody = Reply::of(server.get("/api/v1/doctor?peer=nobody")).await;
    assert_eq!(nobody.error(), "400 invalid_query @ peer");

    let remove = |id: &str| format!("/api/v1/nodes/{id}/remove");
    let id = NODE.to_string();
    let asked = Reply::of(server.post(&remove(&id), &json!({}))).await;
    assert_eq!(asked.error(), "409 confirmation_needed @ -");
    let own = Reply::of(server.post(&remove(&id), &json!({ "confirmed": true }))).await;
    assert_eq!(own.error(), "409 own_computer @ -");
    let more = Reply::of(server.post(&remove(&id), &json!({ "forced": true }))).await;
    assert_eq!(more.status, 400, "{}", more.text);
    for unknown in ["1", "..%2fstatus", "%00"] {
        let reply = Reply::of(server.post(&remove(unknown), &json!({}))).await;
        assert_eq!(reply.error(), "404 unknown_node @ -", "{unknown}");
    }
    let short = NODE.short();
    let said = [format!("remove {short} false"), format!("remove {short} true")];
    assert_eq!(server.mesh.changes(), said);
}
