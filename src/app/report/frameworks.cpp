// The duties that a report is about. The texts say in short what the law says at length, for people who have it beside
// them; they are no advice.
#include <array>

#include "app/report/audit_report.h"

namespace freehold::app {
namespace {

using Op = audit::Claim::Op;

constexpr Question kQuestions[] = {
    {"requests", "requests that were let in", Op::count, "", "kind=request"},
    {"requests.outcome", "requests by how they ended", Op::by, "outcome", "kind=request"},
    {"requests.role", "requests by the role of who asked", Op::by, "role", "kind=request"},
    {"requests.label", "requests by the label of the exchange", Op::by, "label", "kind=request"},
    {"requests.model", "requests by model", Op::by, "model", "kind=request"},
    {"requests.key", "requests by key (its id)", Op::by, "key", "kind=request"},
    {"requests.day", "requests by day (UTC)", Op::by, "day", "kind=request"},
    {"keys.used", "different keys that asked", Op::distinct, "key", "kind=request"},
    {"requests.nobody", "requests without a key", Op::count, "", "kind=request, key=|local"},
    {"requests.kept", "requests whose text was kept, encrypted", Op::count, "", "kind=request, content=*"},
    {"requests.unpinned", "answers whose model has no digest in the log", Op::count, "",
     "kind=request, outcome=completed, model_digest="},
    {"tokens.prompt", "tokens of prompts", Op::sum, "prompt_tokens", "kind=request"},
    {"tokens.answer", "tokens of answers", Op::sum, "completion_tokens", "kind=request"},
    {"refusals", "refusals", Op::count, "", "kind=refusal"},
    {"refusals.status", "refusals by HTTP status (of commands: as if asked over HTTP)", Op::by, "status",
     "kind=refusal"},
    {"refusals.rule", "refusals by the policy's rule, or the legal hold", Op::by, "rule", "kind=refusal, rule=*"},
    {"refusals.day", "refusals by day (UTC)", Op::by, "day", "kind=refusal"},
    {"refusals.left-out", "refusals of strangers in a flood, counted but not written one by one", Op::sum, "more",
     "kind=refusal"},
    {"acts", "administrative acts", Op::count, "", "kind=admin"},
    {"acts.act", "administrative acts by kind", Op::by, "act", "kind=admin"},
    {"breakglass", "emergency accesses (break-glass)", Op::list, "", "act=break-glass"},
    {"breakglass.requests", "requests let in under break-glass, however they ended", Op::count, "",
     "kind=request, break_glass=*"},
    {"reveals", "looks at what a pseudonym stands for (guard reveal), whether or not it was found", Op::list, "",
     "act=guard.reveal"},
    {"content.shown", "looks at what a request asked and was answered (audit show --content)", Op::list, "",
     "act=audit.show"},
    {"erasures.begun", "erasures begun (guard erase), whatever came of them", Op::list, "", "act=guard.erase.begin"},
    {"erasures",
     "entries of what was erased (guard erase): one for each subject, one for all that is under no "
     "subject's key; not one for each erasure",
     Op::list, "", "act=guard.erase"},
    {"exports",
     "entries of data handed out (guard export): one for each subject that a person is, within each key; "
     "not one for each time",
     Op::list, "", "act=guard.export"},
    {"keys.changed", "keys made, rotated, revoked", Op::list, "", "act=keys.*"},
    {"models.changed", "changes of models and their names, at the command line and over HTTP", Op::list, "",
     "act=models.*|POST /api/create|POST /api/copy|POST /api/pull|DELETE /api/delete|POST /v1/load_lora_adapter|"
     "POST /v1/unload_lora_adapter|POST /freehold/v1/adapters|DELETE /freehold/v1/adapters/*|"
     "DELETE /v1/models/*|POST /v1/fine_tuning/jobs"},
    {"starts", "starts of the server", Op::list, "", "act=serve.start"},
    {"stops", "orderly stops of the server", Op::count, "", "act=serve.stop"},
    {"starts.sealed", "starts that were sealed (--sealed)", Op::list, "", "act=serve.start, details.sealed=true"},
    {"starts.unsealed", "starts that were not sealed", Op::list, "", "act=serve.start, details.sealed=|false"},
    {"requests.sealed", "requests to a process that was sealed", Op::count, "", "kind=request, sealed=true"},
    {"requests.unsealed", "requests to a process that was not sealed, or whose entry does not say it", Op::count, "",
     "kind=request, sealed="},
    {"starts.plain", "starts without TLS (on this machine's loopback only)", Op::count, "",
     "act=serve.start, details.tls=false"},
    {"starts.open", "starts without keys", Op::count, "", "act=serve.start, details.keys=false"},
    {"replays", "checks that answers come out again (audit replay)", Op::list, "", "act=audit.replay"},
    {"replays.one", "different answers that were computed again one by one, whatever came of it", Op::distinct,
     "subject", "act=audit.replay, subject=req_*"},
    {"replays.equal", "times that an answer came out again; of an answer that is checked twice, two", Op::sum,
     "details.equal", "act=audit.replay"},
    {"replays.different", "times that an answer came out differently, counted so", Op::sum, "details.different",
     "act=audit.replay"},
    {"replays.impossible", "times that an answer could not be compared, counted so", Op::sum, "details.impossible",
     "act=audit.replay"},
    {"sealtests", "tests of the seal (guard seal-test)", Op::list, "", "act=guard.seal-test"},
    {"sealtests.denied", "attempts to get out that were denied, of all tests together", Op::sum, "details.denied",
     "act=guard.seal-test"},
    {"sealtests.leaks", "attempts to get out that were not denied, of all tests together", Op::sum, "details.leaks",
     "act=guard.seal-test"},
    {"vendors", "uses of a vendor's model", Op::list, "", "act=vendor.use"},
    {"backups", "backups and restores", Op::list, "", "act=backup.*|restore.*"},
    {"retention", "retention (a run's beginning and its end are an entry each) and legal holds applied", Op::list, "",
     "act=guard.retain*|guard.retention*|guard.hold*|guard.release*"},
    {"reports", "reports made before this one", Op::list, "", "act=audit.report"},
};

constexpr Duty kHipaa[] = {
    {"45 CFR 164.312(a)(1)", "standard", "Access control: only those who were granted rights get to ePHI.",
     "One function decides each request by role, label and model; what no rule allows is denied, and the denial is an "
     "entry.",
     "policy roles refusals.rule refusals.status requests.role starts.open requests.nobody",
     "That the roles people have are those that their work needs."},
    {"45 CFR 164.312(a)(2)(i)", "required", "Unique user identification.",
     "Each key, and each token or certificate that is let in, has an id; every entry names it, of who was refused "
     "where "
     "it is known whose key it was.",
     "keys keys.used requests.key requests.nobody", "That nobody shares a key."},
    {"45 CFR 164.312(a)(2)(ii)", "required", "Emergency access procedure.",
     "The role break-glass needs a reason with each request; each is an act of its own and told at once.",
     "breakglass breakglass.requests", "That the emergencies were some, and that people know the procedure."},
    {"45 CFR 164.312(a)(2)(iii)", "addressable", "Automatic logoff.",
     "There are no sessions: each request is authenticated anew, and keys can expire.", "keys.expiry keys.changed",
     "The screens and workstations of who asks."},
    {"45 CFR 164.312(a)(2)(iv)", "addressable", "Encryption and decryption of stored ePHI.",
     "Only what a server that was started with --keep-content keeps of prompts and answers is encrypted by the "
     "program, under a key of each subject (XChaCha20-Poly1305). Not encrypted by it: the databases (names of keys, "
     "who asked when and how much), the log (digests and names, no text of prompts and answers), files that clients "
     "upload with the results of batches, data sets, models and adapters and what they have learned.",
     "keeps-content requests.kept content.shown reveals erasures.begun erasures",
     "The encryption of the disk, which all of these need, of swap and of other programs' files."},
    {"45 CFR 164.312(b)", "standard", "Audit controls: record and examine activity.",
     "Every request to a model over HTTP, every refusal (of strangers at most a hundred a second, the others are "
     "counted) and every act of those who look after it is an entry before its answer is given; not what the owner of "
     "the machine asks at the command line (run, batch, eval), or changes in files with an editor. Who alters the log "
     "without its signing key is found by its "
     "signatures; whoever has that key, only by a checkpoint that is kept elsewhere.",
     "log.entries log.checkpoints requests refusals acts acts.act content.shown reveals",
     "That somebody looks at the log regularly (164.308(a)(1)(ii)(D))."},
    {"45 CFR 164.312(c)(1), (c)(2)", "standard / addressable",
     "Integrity: ePHI is not altered or destroyed unseen; a mechanism to show it.",
     "A Merkle tree (RFC 9162) under Ed25519 signatures; kept content is bound to its entry by its digest; answers can "
     "be computed again; the store knows each model by its digest (models verify). Files that clients upload are "
     "not under the tree.",
     "log.root log.consistency replays replays.equal replays.different", "That what people typed in was right."},
    {"45 CFR 164.312(d)", "standard", "Person or entity authentication.",
     "Keys that are made here have 256 random bits and are kept as Argon2id hashes; those given by hand (--api-key) "
     "are "
     "as good as they were chosen. Unless it was started without keys, the server refuses requests without a valid "
     "one.",
     "keys refusals.status starts.open", "That a key is in the hands of whom it was given to."},
    {"45 CFR 164.312(e)(1), (e)(2)(i), (ii)", "standard / addressable", "Transmission security: integrity, encryption.",
     "Beyond this machine's loopback the server listens with TLS only. At the starts that were sealed it could only "
     "answer who connects; at the others nothing of the kernel kept it from connecting elsewhere.",
     "address tls starts.plain sealed starts.sealed starts.unsealed requests.sealed requests.unsealed sealtests "
     "sealtests.leaks vendors",
     "The networks between, and the machines at their other ends."},
    {"45 CFR 164.316(b)(2)(i)", "required", "Documentation is kept for 6 years.",
     "The program never shortens the log. That audit logs fall under this rule is not settled; 6 years is a prudent "
     "default.",
     "log.first retention-policy retention backups", "That the disk, and copies of it, are kept as long."},
};
constexpr std::string_view kHipaaCannot[] = {
    "Business associate contracts (164.308(b), 164.314(a), 164.504(e)): who has signed what. Where the vendor list "
    "above "
    "is empty, no vendor got data from this program.",
    "Risk analysis and risk management (164.308(a)(1)(ii)(A), (B)) and the sanction policy (C).",
    "Training of the workforce (164.308(a)(5)), assignment of responsibility (a)(2), clearance of people (a)(3).",
    "Who is to be given access, and why (164.308(a)(4)): the log has when keys were made, changed and ended, not what "
    "was decided.",
    "Procedures for security incidents (164.308(a)(6)) and the periodic evaluation (a)(8).",
    "Policies and procedures in writing (164.316(a), (b)(1)), that those who follow them have them ((b)(2)(ii)) and "
    "that they are kept up to date ((b)(2)(iii)). policy.yaml is what the program enforces, no such document.",
    "The contingency plan as a whole (164.308(a)(7)): that restoring was practised with people.",
    "Physical safeguards (164.310): doors, workstations, disposal of media.",
    "Notification of breaches (164.400 to 164.414).",
};

constexpr Duty kGdpr[] = {
    {"Article 5(1)(c), Article 25(2)", "", "Data minimisation, by default.",
     "By default the server writes no text of a prompt or an answer to the disk; entries hold digests. Keeping it is a "
     "choice "
     "(serve --keep-content) that the log shows. What clients upload (files, batches, data sets) is stored, and so are "
     "the results of batches and the system texts of models that they make; the chat at the command line keeps what "
     "its user typed (history). Responses that a client may come back to are in memory.",
     "keeps-content requests.kept personal-data", "That people ask with no more personal data than they need."},
    {"Article 5(1)(e)", "", "Storage limitation.",
     "Kept content, uploads, batches and jobs go by the policy's retention, and by erasure. The log (digests, ids and "
     "names of keys, addresses, reasons that were given) and the counts of use stay.",
     "retention-policy retention erasures.begun erasures", "That the chosen periods are right."},
    {"Article 5(1)(f), Article 32(1)(b)", "", "Integrity and confidentiality.",
     "Deny by default, labels with ceilings, a log whose alteration a kept checkpoint shows, and at the starts that "
     "were "
     "sealed a seal that the kernel enforces.",
     "policy roles refusals.rule requests.label breakglass content.shown reveals tls sealed starts.sealed "
     "starts.unsealed requests.sealed "
     "requests.unsealed sealtests sealtests.leaks log.root",
     "The machine's room, its administrators and its other programs."},
    {"Article 5(2), Article 24", "", "Accountability: be able to demonstrate.",
     "This report, whose figures anybody can compute again from the log.",
     "log.entries log.checkpoints log.consistency requests requests.key acts.act",
     "The lawfulness of each purpose (Article 6)."},
    {"Articles 15, 20", "", "Access, and portability: a copy of what is kept of somebody.",
     "guard export writes what is kept under somebody's name, as JSON lines that other programs read; each time leaves "
     "an entry for each subject that they are within a key. Lines of batches that name them are in it; other files in "
     "which others name them are not.",
     "exports", "That requests of people were answered in time (Article 12(3))."},
    {"Articles 17, 19", "", "Erasure without undue delay; tell recipients.",
     "guard erase destroys the key that what --keep-content keeps of somebody is under, removes lines of batches that "
     "name them and what servers have in memory, and of a key's holder deletes all that the key has left; proofs of "
     "the log stay valid. It does not reach: the entries of the log (digests, ids and names of keys and people, "
     "times), the counts of use, other files that others uploaded and that name them, data sets and the models and "
     "adapters that learned from them, backups and exports made before.",
     "erasures.begun erasures retention vendors",
     "What of these has to go as well, and that it went; what recipients have."},
    {"Article 25(1), Article 32(1)(a)", "", "Pseudonymisation and encryption, by design.",
     "Whom a request is about has a random name in the log; who asks is there by the id and the name of their key. "
     "What "
     "--keep-content keeps is encrypted under keys of their own; databases, log, uploads and models are not encrypted.",
     "keeps-content requests.kept personal-data reveals", "The encryption of disks and of other programs' files."},
    {"Article 28, Chapter V", "", "Processors and transfers to third countries.",
     "No prompt goes to a vendor unless its model is named; each use is an act, and labels have ceilings. Exports and "
     "backups are acts, too; where their files went no log shows.",
     "vendor-ceilings vendors exports backups sealed starts.unsealed",
     "Contracts with processors, and the law of where they are."},
    {"Article 30(1)(a)-(g)", "", "Record of processing activities.",
     "freehold guard record writes it from the configuration.", "record policy",
     "What only the controller knows, where policy.yaml does not say it."},
    {"Article 32(1)(b), (c)", "", "Resilience, and restoring after an incident.",
     "Entries are on the disk before answers are given; backups are acts.", "starts stops backups",
     "That restoring was practised."},
    {"Article 32(1)(d)", "", "Regular testing of the measures.",
     "The seal is attacked (guard seal-test), answers are computed again (audit replay); both are recorded.",
     "sealtests sealtests.denied sealtests.leaks replays replays.equal replays.different",
     "Tests of people and of what is around this program."},
    {"Articles 33(1), (5), 34", "", "Notify breaches within 72 hours, and those concerned; document each.",
     "Refusals, emergency accesses, attempts that the seal did not deny and answers that came out differently are "
     "entries with their times.",
     "refusals refusals.status breakglass sealtests.leaks replays.different",
     "To judge whether something was a breach, and to notify."},
};
constexpr std::string_view kGdprCannot[] = {
    "The legal basis of each purpose (Articles 6, 9) and what people were told (Articles 13, 14).",
    "Contracts with processors and joint controllers (Articles 26, 28), guarantees of transfers (Articles 44 to 49).",
    "The impact assessment (Article 35): its judgement. Figures for it are here. Consultation before (Article 36).",
    "Training, instructions (Article 29), the data protection officer (Articles 37 to 39).",
    "Rectification and objection (Articles 16, 21) as dealt with by people.",
    "Restriction of processing (Article 18): guard hold keeps something from being deleted, not from being used.",
    "Whether decisions about people are made by an answer alone (Article 22).",
    "What is outside this program: the applications that ask, paper, other copies.",
};

constexpr Duty kAiAct[] = {
    {"Article 12(1)", "", "Automatic recording of events over the lifetime of the system.",
     "Every request to a model over HTTP, every refusal (of strangers at most a hundred a second, the others are "
     "counted) and every act of those who look after it is an entry, written by the program itself before the answer "
     "is given.",
     "log.first log.entries log.checkpoints requests refusals acts starts",
     "That all uses go through this server: run, batch and eval at the command line leave no entry."},
    {"Article 12(2)(a)", "", "Events that may mean a risk, or a substantial modification.",
     "Refusals by rule; changes of models, names and adapters; which weights answered, by digest.",
     "refusals.rule models.changed acts.act requests.model requests.unpinned",
     "Whether a modification is substantial."},
    {"Article 12(2)(b)", "", "Facilitating post-market monitoring (Article 72).",
     "Counts by model, outcome and day; answers can be computed again from what the log pins.",
     "requests.outcome requests.model requests.day replays replays.equal replays.different",
     "The quality of answers for those whom they concern."},
    {"Article 12(2)(c)", "", "Monitoring the operation (Article 26(5)).",
     "Who used it, in which role, how it ended; the acts of those who look after it.",
     "requests.role requests.key requests.outcome acts.act", "That a person looked, and could step in (Article 14)."},
    {"Article 12(3)", "", "Remote biometric identification: a minimum of records.",
     "The program reads and writes text; it identifies nobody by biometrics.", "requests",
     "What applications around it do."},
    {"Article 19(1), Article 26(6)", "", "Logs are kept for at least 6 months.",
     "The program never shortens the log; what was in it at a checkpoint that was kept can be shown to be in it still.",
     "log.first log.consistency retention-policy retention", "That the disk, and copies of it, are kept as long."},
    {"Article 15(4), (5)", "", "Robustness and cybersecurity.",
     "The same question, model and seed give the same bytes, which audit replay checks; at the starts that were sealed "
     "the kernel held the server, and attempts to get out are tested.",
     "replays.equal replays.different sealed starts.sealed starts.unsealed sealtests sealtests.leaks",
     "Accuracy for a purpose (Article 15(1) to (3)): freehold eval measures what you choose."},
};
constexpr std::string_view kAiActCannot[] = {
    "Whether a use is high-risk (Article 6, Annexes I and III), and from when which duty applies.",
    "Risk management (Article 9), data governance (Article 10), technical documentation (Article 11).",
    "Human oversight (Article 14, Article 26(2)): people with competence, training and authority.",
    "Instructions for use and what deployers and those affected were told (Articles 13, 26(7), (11), 50(1), (3), (4)).",
    "Marking generated text as such, in a form that machines read (Article 50(2)): answers carry a receipt, which "
    "tells "
    "who has the log that they come from here, and nobody else.",
    "AI literacy of staff (Article 4).",
    "Impact on fundamental rights (Article 27), conformity assessment and registration (Articles 43, 49).",
    "Serious incidents: to judge and to report them (Article 73).",
};

constexpr Framework kFrameworks[] = {
    {"hipaa", "HIPAA Security Rule, technical safeguards", "45 CFR 164.312 and 164.316", kHipaa, kHipaaCannot},
    {"gdpr", "General Data Protection Regulation", "Regulation (EU) 2016/679", kGdpr, kGdprCannot},
    {"ai-act", "EU AI Act, records and monitoring", "Regulation (EU) 2024/1689", kAiAct, kAiActCannot},
};

}  // namespace

std::span<const Framework> frameworks() {
  return kFrameworks;
}

const Framework* framework_of(std::string_view name) {
  for (const Framework& framework : kFrameworks) {
    if (framework.name == name) return &framework;
  }
  return nullptr;
}

std::span<const Question> questions() {
  return kQuestions;
}

}  // namespace freehold::app
