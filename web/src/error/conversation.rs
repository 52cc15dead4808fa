//! What is answered where a conversation was not found or not kept.

use http::StatusCode;

use crate::mesh::ConversationError;

pub(super) fn status(error: ConversationError) -> StatusCode {
    match error {
        ConversationError::NotFound => StatusCode::NOT_FOUND,
        ConversationError::TooMany | ConversationError::TooLong | ConversationError::TooLarge => {
            StatusCode::CONFLICT
        }
        ConversationError::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ConversationError::Store => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) fn code(error: ConversationError) -> &'static str {
    match error {
        ConversationError::NotFound => "conversation_not_found",
        ConversationError::TooMany => "too_many_conversations",
        ConversationError::TooLong => "conversation_too_long",
        ConversationError::TooLarge => "conversations_too_large",
        ConversationError::DiskFull => "disk_full",
        ConversationError::Store => "store_failed",
    }
}
