//! Golden records: what a released version has written, this one reads.

use pumasi_protocol::Epoch;

use super::super::audit::Numbered;
use super::super::record::{self, Record, Unreadable};
use super::super::usage::UsageRow;
use super::*;

fn bytes(golden: &str) -> Vec<u8> {
    let digits: Vec<u8> = golden.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check<T: Record + PartialEq + std::fmt::Debug>(value: &T, written_now: bool, golden: &str) {
    let key = b"jkey";
    let written = record::encode(key, value).expect("small");
    assert_eq!(hex(&written) == golden.trim(), written_now, "written: {}", hex(&written));
    assert_eq!(record::decode::<T>(key, &bytes(golden)).as_ref(), Ok(value));
}

#[test]
fn job_records_of_this_layout_and_the_one_before_are_read() {
    let first = JobRecord { ended_ms: Some(9), ..job(5) };
    check(&first, false, include_str!("golden/job_1.hex"));
    let repeat = Some(RepeatKey { key: [4; 32], body: [5; 32] });
    let second = JobRecord { attempts: 2, epoch: Epoch(7), repeat, ..first };
    check(&second, true, include_str!("golden/job_2.hex"));
}

#[test]
fn other_records_are_read() {
    check(&invitation(3), true, include_str!("golden/invitation_1.hex"));
    let terms = keys::terms("0123456789ab");
    check(&terms, false, include_str!("golden/key_1.hex"));
    let terms = pumasi_web::keys::Terms { tokens_per_min: Some(9_000), ..terms };
    check(&terms, true, include_str!("golden/key_2.hex"));
    let row = UsageRow { key: usage::key(7, "kim"), spent: usage::spent(5) };
    check(&row, true, include_str!("golden/usage_1.hex"));
    check(&usage::minute(70), true, include_str!("golden/minute_1.hex"));
    check(&keys::used(), true, include_str!("golden/key_use_1.hex"));
    check(&conversations::record(), true, include_str!("golden/conversation_1.hex"));
    check(&conversations::row(), true, include_str!("golden/message_1.hex"));
    check(&7_u64, true, include_str!("golden/number_1.hex"));
    check(&"yes".to_owned(), true, include_str!("golden/setting_1.hex"));
}

#[test]
fn the_audit_log_is_read() {
    let record = |act| Numbered { number: 6, record: AuditRecord { at_ms: 9, act } };
    let acts = [
        (record(audit::started("0.1.0")), include_str!("golden/audit_started_1.hex")),
        (record(audit::key()), include_str!("golden/audit_key_1.hex")),
        (record(audit::invited()), include_str!("golden/audit_invited_1.hex")),
        (record(audit::told()), include_str!("golden/audit_lend_1.hex")),
        (record(audit::asked()), include_str!("golden/audit_asked_1.hex")),
        (record(audit::ran()), include_str!("golden/audit_ran_1.hex")),
        (record(audit::withdrawn()), include_str!("golden/audit_withdrawn_1.hex")),
    ];
    for (record, golden) in &acts {
        check(record, false, golden);
    }
    let second = record(audit::provided());
    check(&second, true, include_str!("golden/audit_provided_2.hex"));
}

#[test]
fn a_record_of_a_later_layout_is_not_called_damaged() {
    let key = b"jkey";
    for version in [3, 9] {
        let later = record::with_version(version, key, b"body");
        assert_eq!(record::decode::<JobRecord>(key, &later), Err(Unreadable::Unknown));
    }
    assert_eq!(record::decode::<u64>(key, &[]), Err(Unreadable::Damaged));
}
