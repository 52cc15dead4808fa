/** What went wrong, and what to do next. */

import { hubKnown } from './hub';

export const trouble = {
  unknown: 'Something went wrong',
  unknownNext: 'Trying again may help; `pumasi doctor` says more.',
  partly: 'What was written until then stays.',
  known: {
    ...hubKnown,
    wrong_digits: [
      'These digits are wrong',
      'They are good for one try only: type those that it shows now.',
    ],
    nobody_asks: [
      'That computer asks no more',
      'Open Computers on it, or run `pumasi join` there; it shows new digits.',
    ],
    unconfirmed: [
      'It was let in, but did not say so',
      'If it does not show among the computers soon, let it in again.',
    ],
    digits_changed: ['The digits have changed', 'Type those that it shows now.'],
    too_many_wrong_digits: [
      'Too many wrong digits came from here',
      'Wait a minute, then type those that it shows.',
    ],
    door_closed: [
      'That computer does not ask to join',
      'Open Computers on it, or run `pumasi join` there.',
    ],
    door_shut: [
      'Wrong digits were tried there too often',
      'On the new computer, choose “Show new digits”.',
    ],
    person_taken: [
      'It says that it belongs to somebody whom the mesh knows',
      'Say whose it is, and let it in again.',
    ],
    newcomer_has_mesh: ['That computer belongs to a mesh already', 'Nothing was changed.'],
    newcomer_unreachable: [
      'That computer cannot be reached',
      'Is it on, in the same network, and is UDP port 7865 open on it?',
    ],
    unreachable: [
      'Pumasi does not answer on this computer',
      'Start it with `pumasi up`, then ask again.',
    ],
    broken_stream: [
      'The answer broke off',
      'The connection to this computer’s Pumasi was lost. Ask again.',
    ],
    model_not_found: ['No computer here has this model any more', 'Pick another model below.'],
    no_candidate: [
      'No computer can run this right now',
      'Wait for one to come back, or pick another model.',
    ],
    not_continued: [
      'No computer could go on with this answer',
      'The one that wrote it is gone, and no other with the same model came in time. Ask again.',
    ],
    disk_full: [
      'The disk of this computer is full',
      'It takes no lasting jobs until there is space. Those it has are safe.',
    ],
    no_holder: [
      'No other computer could keep a copy of this job',
      'It was not taken, so that nothing is lost. Try again in a moment.',
    ],
    store_failed: [
      'This computer could not write it down',
      'Is its disk full or damaged? `pumasi doctor` says more.',
    ],
    idempotency_key_reused: [
      'This key was used for another request',
      'Take a new key for a new request.',
    ],
    job_not_over: ['The job is not over yet', 'Cancel it first, or wait for its end.'],
    schema_too_complex: ['The form asked for is too complicated', 'Make the JSON schema simpler.'],
    chat_template: [
      'The model’s own template for conversations is broken',
      'Pick another model, or fetch a newer file of it.',
    ],
    peer_protocol_error: [
      'The other computer answered something strange',
      'Does it run the same version of Pumasi? Ask again: another one takes over.',
    ],
    queue_timeout: [
      'No computer became free in time',
      'The office is busy. Ask again in a moment.',
    ],
    context_length_exceeded: [
      'The conversation is too long for this model',
      'Begin a new one, or pick a model that holds more.',
    ],
    insufficient_memory: [
      'There is not enough free memory',
      'Close something on that computer, or pick a smaller model.',
    ],
    engine_crash: [
      'The engine crashed while it answered',
      'It is being started again. Ask once more.',
    ],
    engine_silent: [
      'The engine stopped answering',
      'It was ended and is being started again. Ask once more.',
    ],
    not_pdf: ['The file is not a PDF', 'Look how it was made or named.'],
    document_format: [
      'This kind of file cannot be read',
      'Give PDF, Word, PowerPoint, Excel, HTML, Markdown or text.',
    ],
    password_needed: ['The file is protected', 'Give its password.'],
    document_too_complex: [
      'The file is too complex to be read safely',
      'Save it anew with another program.',
    ],
    document_too_large: ['The file is too large', 'Split it.'],
    document_damaged: ['The file is damaged', 'Save it anew, or get it again.'],
    document_without_text: [
      'No text was found in the file',
      'Scanned pages need a model that reads pictures.',
    ],
    no_such_pages: ['These pages are not in the file', 'Ask for others.'],
    model_answer_unusable: ['The model did not answer as it was asked to', 'Try a larger model.'],
    connection_lost: ['The computer that answered went away', 'Ask again: another one takes over.'],
    peer_silent: ['The computer that answered fell silent', 'Ask again: another one takes over.'],
    peer_removed: [
      'The computer that answered was removed from the mesh',
      'Ask again: another one takes over.',
    ],
    removed: [
      'This computer was removed from its mesh',
      'It works alone: pick a model of its own, or ask an admin to let it in anew.',
    ],
    model_damaged: ['The model’s file is damaged', 'Fetch it again, or pick another model.'],
    invalid_token: ['This page is not signed in any more', 'Load the page again.'],
    model_loading: ['The model is on its way to this mesh', 'Ask again in a moment.'],
    busy: ['Too many jobs wait here', 'The office is busy. Ask again in a moment.'],
    not_allowed: [
      'The role of this computer does not allow it',
      'An admin of the mesh can change that.',
    ],
    stopping: ['Pumasi is being stopped on this computer', 'Ask again when it is back.'],
    engine_garbage: [
      'The engine wrote nonsense and was ended',
      'It is being started again. Ask once more.',
    ],
    engine_start: ['The engine could not be started', '`pumasi doctor` on that computer says why.'],
    model_unsupported: ['No engine here can run this model', 'Pick another model.'],
    unsupported_by_model: ['This model cannot do that', 'Pick another model.'],
    cancelled: ['It was cancelled', ''],
    model_in_use: ['Jobs are using this model', 'Let it rest when they are done.'],
    unknown_node: ['This computer does not belong to the mesh any more', ''],
    node_unreachable: ['That computer cannot be reached', 'Try again when it is back.'],
    owner_unreachable: [
      'The computer that knows this job cannot be reached',
      'Try again when it is back.',
    ],
    job_not_found: ['There is no such job', 'It may be older than what is kept.'],
    job_over: ['The job is over already', ''],
    result_not_kept: ['The result was not kept', 'Answers go to whoever asked.'],
    no_mesh: ['This computer belongs to no mesh yet', 'Join one with an invitation first.'],
    already_member: ['This computer belongs to a mesh already', ''],
    too_many_invitations: [
      'Too many invitations are open',
      'Withdraw some, or wait until they end.',
    ],
    invalid_terms: [
      'Such an invitation cannot be made',
      'It is for 1 to 128 computers, and ends within a year.',
    ],
    invitation_not_found: [
      'There is no such invitation any more',
      'Perhaps it was withdrawn already, or is over.',
    ],
    invalid_invitation: ['This is not an invitation', 'Copy the whole line that was made for you.'],
    invitation_expired: ['This invitation is no longer valid', 'Ask for a new one.'],
    issuer_unreachable: [
      'The computer that made this invitation cannot be reached',
      'Is it switched on, and on this network?',
    ],
    provider_not_found: ['There is no such provider any more', 'It may have been removed.'],
    provider_found: [
      'This one was found by itself and cannot be removed',
      'Switch off finding model servers, below, to leave it alone.',
    ],
    provider_garbled: [
      'The provider wrote something that cannot be read',
      'Ask again, or pick another model.',
    ],
    provider_cut_off: ['The provider’s answer broke off', 'Ask again, or pick another model.'],
    provider_too_large: [
      'The provider wrote too much at once',
      'Ask again, or pick another model.',
    ],
    content_filter: ['The provider’s filter stopped the answer', 'Ask it another way.'],
    provider_key: ['The provider refused its key', 'Give it a new one: Manage, Providers, Change.'],
    provider_rate_limited: [
      'The provider had too many requests, or its quota is used up',
      'Ask a little later, or pick another model.',
    ],
    provider_refused: ['The provider refused the question', 'Pick another model.'],
    provider_unavailable: [
      'The provider does not answer',
      'Ask a little later, or pick another model. Manage, Providers says how it stands.',
    ],
    providers_disabled: [
      'Providers outside the office are not asked now',
      'Manage, Providers says why; pick another model until then.',
    ],
    no_place_left: [
      'No place is left for this question',
      'The question itself says where it may go, and nobody there has the model.',
    ],
    conversation_not_found: [
      'There is no such conversation',
      'It may have been deleted, or belongs to another computer.',
    ],
    too_many_conversations: [
      'As many conversations are kept as there may be',
      'Delete some; what you see stays in this window until then.',
    ],
    conversation_too_long: [
      'This conversation is as long as one may be',
      'Begin a new one; what is over the limit is only in this window.',
    ],
    conversations_too_large: [
      'Conversations take as much room as they may',
      'Delete some; what you see stays in this window until then.',
    ],
    invalid_name: ['This name cannot be used', 'Letters, digits and blanks will do.'],
  },
} as const;
