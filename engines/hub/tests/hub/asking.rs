//! Search, repositories, cards, gates.

use pumasi_hub::{AuthCause, FilePath, Gate, Missing, Query, Sort};
use pumasi_tests::hub::{Fault, On};

use super::*;

#[tokio::test]
async fn a_search_has_pages_and_filters() {
    let fake = FakeHub::start();
    for (name, downloads) in [("a/one-GGUF", 10), ("a/two-GGUF", 30), ("b/three-GGUF", 20)] {
        fake.put(name, "x-Q4_0.gguf", b"GGUF");
        fake.change(name, |repo| repo.downloads = downloads);
    }
    let hub = hub(&fake);
    let query = Query { text: "gguf & more?".to_owned(), limit: 2, ..Query::default() };
    assert_eq!(hub.search(&query).await.expect("an answer").found, []);
    let query = Query { text: "GGUF".to_owned(), limit: 2, ..Query::default() };
    let first = hub.search(&query).await.expect("a page");
    let names = |page: &pumasi_hub::Page| -> Vec<String> {
        page.found.iter().map(|found| found.repo.to_string()).collect()
    };
    assert_eq!(names(&first), ["a/two-GGUF", "b/three-GGUF"]);
    assert_eq!(first.found[0].licence.as_deref(), Some("apache-2.0"));
    assert_eq!(first.found[0].parameters, Some(1_000_000));
    let more = Query { cursor: first.next.clone(), ..query.clone() };
    let last = hub.search(&more).await.expect("a page");
    assert_eq!((names(&last), last.next), (vec!["a/one-GGUF".to_owned()], None));
    let by = Query { author: Some("b".to_owned()), sort: Sort::Recent, limit: 9, ..query };
    assert_eq!(names(&hub.search(&by).await.expect("a page")), ["b/three-GGUF"]);
    let asked = fake.seen();
    let asked = &asked.last().expect("a request").path;
    assert!(asked.contains("filter=gguf") && asked.contains("sort=lastModified"), "{asked}");
}

#[tokio::test]
async fn files_have_sizes_and_hashes_and_the_card_is_text() {
    let fake = FakeHub::start();
    let sha256 = fake.put(REPO, FILE, &content(1_000));
    fake.put(REPO, "README.md", b"# Tiny\n<script>alert(1)</script>");
    let hub = hub(&fake);
    let found = look(&hub).await.expect("the repository");
    assert_eq!(found.commit.as_str(), fake.commit(REPO));
    let file = found.files.iter().find(|f| f.path.is_gguf()).expect("a file");
    assert_eq!((file.bytes, file.sha256.map(|s| s.to_string())), (1_000, Some(sha256)));
    let card = hub.card(&repo(), &found.commit.revision()).await.expect("a card");
    assert_eq!(card, "# Tiny\n<script>alert(1)</script>");
    let head = hub.range(&repo(), &found.commit, file, 0..16).await.expect("a range");
    assert_eq!(head, content(1_000)[..16]);
    let end = hub.range(&repo(), &found.commit, file, 990..2_000).await.expect("a range");
    assert_eq!(end, content(1_000)[990..]);
}

#[tokio::test]
async fn cat_f13_answers_that_are_too_large_or_none_are_typed_errors() {
    let fake = FakeHub::start();
    fake.put(REPO, FILE, &content(1_000));
    let hub = hub(&fake);
    let huge = vec![b' '; 9 << 20];
    for (fault, expected) in [
        (Fault::Json(huge), HubError::Answer),
        (Fault::Json(b"[".repeat(10_000)), HubError::Answer),
        (Fault::Json(b"{\"siblings\":1}".to_vec()), HubError::Answer),
        (Fault::LoginPage(On::Api), HubError::NotAHub),
    ] {
        fake.misbehave(fault.clone(), 1);
        assert_eq!(look(&hub).await.err(), Some(expected), "{:.60}", format!("{fault:?}"));
    }
    assert!(look(&hub).await.is_ok());
}

#[tokio::test]
async fn cat_f14_a_repository_that_is_another_now_is_not_taken_in_its_place() {
    let fake = FakeHub::start();
    fake.put(REPO, FILE, &content(1_000));
    let hub = hub(&fake);
    let pinned = wanted(&hub).await;
    fake.remove(REPO);
    fake.put(REPO, FILE, &content(1_001));
    assert_ne!(fake.commit(REPO), pinned.commit.as_str());
    let desk = Desk::new();
    let outcome = desk.download(&hub, &pinned).await;
    assert_eq!(outcome, Err(HubError::Missing(Missing::Revision)));
    let gone = hub.repository(&repo(), &pinned.commit.revision()).await;
    assert_eq!(gone.err(), Some(HubError::Missing(Missing::Revision)));
    assert_eq!(fake.sent(), 0, "no byte of the other one was fetched");
}

#[tokio::test]
async fn cat_f15_gated_models_say_what_to_do_and_where() {
    let fake = FakeHub::start();
    let sha256 = fake.put(REPO, FILE, &content(1_000));
    fake.change(REPO, |repo| {
        repo.gated = Some("auto");
        repo.accepted = vec![TOKEN.to_owned()];
    });
    let page = format!("{}/{REPO}", fake.base);
    let nobody = hub(&fake);
    assert_eq!(look(&nobody).await.expect("anyone may look").gate, Gate::Terms);
    let wanted = wanted(&nobody).await;
    let refused = |cause, link: &str| Err(HubError::Auth { cause, link: link.to_owned() });
    let outcome = Desk::new().download(&nobody, &wanted).await;
    assert_eq!(outcome, refused(AuthCause::NoToken, &page));
    assert_eq!(outcome.expect_err("refused").code(), "hub_auth_needed");
    let other = with_token(&fake, "hf_other");
    assert_eq!(
        Desk::new().download(&other, &wanted).await,
        refused(AuthCause::TermsNotAccepted, &page)
    );
    fake.misbehave(Fault::Status(On::Resolve, 401, Vec::new()), 1);
    let settings = format!("{}/settings/tokens", fake.base);
    assert_eq!(
        Desk::new().download(&other, &wanted).await,
        refused(AuthCause::TokenRefused, &settings)
    );
    let member = with_token(&fake, TOKEN);
    let complete = Desk::new();
    let complete = complete.download(&member, &wanted).await.map(|done| done.sha256.to_string());
    assert_eq!(complete, Ok(sha256));
    token_stayed(&fake);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let fake = FakeHub::start();
    fake.put(REPO, FILE, &content(1_000));
    let (nobody, somebody) = (hub(&fake), with_token(&fake, TOKEN));
    let none = RepoId::parse("office/none").expect("a name");
    let main = Revision::main();
    let hidden = nobody.repository(&none, &main).await.expect_err("none");
    assert_eq!(hidden.code(), "hub_auth_needed");
    let missing = somebody.repository(&none, &main).await;
    assert_eq!(missing.err(), Some(HubError::Missing(Missing::Repository)));
    assert_eq!(nobody.card(&repo(), &main).await.err(), Some(HubError::Missing(Missing::File)));
    let mut wanted = wanted(&nobody).await;
    wanted.path = FilePath::parse("other.gguf").expect("a file");
    let outcome = Desk::new().download(&nobody, &wanted).await;
    assert_eq!(outcome, Err(HubError::Missing(Missing::File)));
}
