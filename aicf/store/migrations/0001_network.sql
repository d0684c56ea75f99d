-- Types: {int} 64-bit integer, {bytes} byte string, {text} UTF-8. Ids are 32 bytes. Times are Unix milliseconds.

CREATE TABLE head (
  one {int} PRIMARY KEY CHECK (one = 1),
  seq {int} NOT NULL,
  hash {bytes} NOT NULL,
  now_ms {int} NOT NULL
) {strict};

CREATE TABLE event (
  seq {int} PRIMARY KEY,
  ts_ms {int} NOT NULL,
  type {text} NOT NULL,
  provider_id {bytes},
  job_id {bytes},
  lease_id {bytes},
  fence {int} NOT NULL,
  data {text} NOT NULL,
  hash {bytes} NOT NULL
) {strict};
CREATE INDEX event_job ON event (job_id, seq) WHERE job_id IS NOT NULL;

CREATE TABLE account (
  owner {bytes} NOT NULL,
  kind {text} NOT NULL,
  debits {int} NOT NULL CHECK (debits >= 0 AND debits <= 9007199254740991),
  credits {int} NOT NULL CHECK (credits >= 0 AND credits <= 9007199254740991),
  PRIMARY KEY (owner, kind),
  CHECK (kind = 'mint' OR credits >= debits)
) {strict};

CREATE TABLE transfer (
  event {int} NOT NULL,
  pos {int} NOT NULL,
  debit_owner {bytes} NOT NULL,
  debit_kind {text} NOT NULL,
  credit_owner {bytes} NOT NULL,
  credit_kind {text} NOT NULL,
  amount {int} NOT NULL CHECK (amount > 0),
  ref {bytes},
  reason {text} NOT NULL,
  PRIMARY KEY (event, pos),
  CHECK (debit_owner <> credit_owner OR debit_kind <> credit_kind)
) {strict};
CREATE INDEX transfer_ref ON transfer (ref, reason) WHERE ref IS NOT NULL;

CREATE TABLE key_info (
  id {bytes} PRIMARY KEY,
  account {bytes} NOT NULL,
  alg {text} NOT NULL,
  public {bytes} NOT NULL,
  role {text} NOT NULL,
  valid_from_ms {int} NOT NULL,
  revoked_ms {int} NOT NULL,
  seq {int} NOT NULL
) {strict};
CREATE INDEX key_account ON key_info (account);

CREATE TABLE nonce (
  key_id {bytes} NOT NULL,
  nonce {bytes} NOT NULL,
  until_ms {int} NOT NULL,
  PRIMARY KEY (key_id, nonce)
) {strict};
CREATE INDEX nonce_until ON nonce (until_ms);

CREATE TABLE idempotency (
  key_id {bytes} NOT NULL,
  name {text} NOT NULL,
  request {bytes} NOT NULL,
  answer {text} NOT NULL,
  at_ms {int} NOT NULL,
  PRIMARY KEY (key_id, name)
) {strict};
CREATE INDEX idempotency_at ON idempotency (at_ms);

CREATE TABLE policy (
  hash {bytes} PRIMARY KEY,
  document {text} NOT NULL,
  activation {int} NOT NULL,
  seq {int} NOT NULL
) {strict};

CREATE TABLE provider (
  id {bytes} PRIMARY KEY,
  state {text} NOT NULL,
  bundle {text} NOT NULL,
  bundle_sha3 {bytes} NOT NULL,
  bundle_ts {int} NOT NULL,
  algorithms {text} NOT NULL,
  regions {text} NOT NULL,
  level {text} NOT NULL,
  dev {int} NOT NULL,
  capacity {int} NOT NULL,
  qos {text} NOT NULL,
  version {text} NOT NULL,
  min_price_ppm {int} NOT NULL,
  beat_seq {int} NOT NULL,
  beat_sha3 {bytes},
  beat_ms {int} NOT NULL,
  due_ms {int} NOT NULL,
  missed {int} NOT NULL,
  health {text} NOT NULL,
  health_ppm {int} NOT NULL,
  health_status {text} NOT NULL,
  log_size {int} NOT NULL,
  log_root {bytes},
  running {int} NOT NULL,
  offer_id {bytes},
  quota_epoch {int} NOT NULL,
  quota_units {int} NOT NULL,
  jailed_until {int} NOT NULL,
  cooldown_until {int} NOT NULL,
  offenses {int} NOT NULL,
  window_number {int} NOT NULL,
  registered_ms {int} NOT NULL,
  registered_round {int} NOT NULL,
  reason {text} NOT NULL,
  reason_ms {int} NOT NULL
) {strict};
CREATE INDEX provider_due ON provider (due_ms) WHERE due_ms > 0;
CREATE INDEX provider_jailed ON provider (jailed_until) WHERE state = 'jailed';

CREATE TABLE reason (
  provider_id {bytes} NOT NULL,
  hour {int} NOT NULL,
  filter {text} NOT NULL,
  count {int} NOT NULL,
  first_ms {int} NOT NULL,
  last_ms {int} NOT NULL,
  PRIMARY KEY (provider_id, hour, filter)
) {strict};

CREATE INDEX reason_hour ON reason (hour);

CREATE TABLE unbonding (
  provider_id {bytes} NOT NULL,
  seq {int} NOT NULL,
  amount {int} NOT NULL CHECK (amount >= 0),
  release_round {int} NOT NULL,
  PRIMARY KEY (provider_id, release_round, seq)
) {strict};
CREATE INDEX unbonding_release ON unbonding (release_round, provider_id, seq);

CREATE TABLE job (
  seq {int} PRIMARY KEY,
  id {bytes} NOT NULL UNIQUE,
  requester {bytes} NOT NULL,
  state {text} NOT NULL,
  document {text} NOT NULL,
  request {bytes} NOT NULL,
  answer {text} NOT NULL,
  circuit_hash {bytes} NOT NULL,
  job_hash {bytes} NOT NULL,
  width {int} NOT NULL,
  depth {int} NOT NULL,
  shots {int} NOT NULL,
  trap_ppm {int} NOT NULL,
  trap_policy {bytes} NOT NULL,
  units {int} NOT NULL,
  payable {int} NOT NULL,
  class {text} NOT NULL,
  region {text} NOT NULL,
  algorithm {text} NOT NULL,
  priority {int} NOT NULL,
  max_latency_ms {int} NOT NULL,
  insufficient_ok {int} NOT NULL,
  escrow {int} NOT NULL CHECK (escrow >= 0),
  paid {int} NOT NULL CHECK (paid >= 0),
  refunded {int} NOT NULL CHECK (refunded >= 0),
  attempt {int} NOT NULL,
  tries {int} NOT NULL,
  policy {bytes} NOT NULL,
  provider_id {bytes},
  lease_id {bytes},
  submitted_ms {int} NOT NULL,
  expires_ms {int} NOT NULL,
  not_before_ms {int} NOT NULL,
  finished_ms {int} NOT NULL,
  reason {text} NOT NULL,
  claim {bytes},
  nullifier {bytes},
  bundle {bytes},
  trap_pass {int} NOT NULL,
  trap_fail {int} NOT NULL,
  latency_ms {int} NOT NULL,
  CHECK (paid + refunded <= escrow)
) {strict};
CREATE INDEX job_queue ON job (class, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX job_delayed ON job (not_before_ms) WHERE state = 'delayed';
CREATE INDEX job_expiry ON job (expires_ms) WHERE state IN ('queued', 'delayed');
CREATE INDEX job_waiting ON job (seq) WHERE state IN ('queued', 'delayed');
CREATE INDEX job_running ON job (seq) WHERE state IN ('offered', 'leased', 'verifying');
CREATE INDEX job_unpaid ON job (seq) WHERE state IN ('failed', 'expired', 'cancelled');
CREATE INDEX job_requester ON job (requester, seq);
CREATE INDEX job_provider ON job (provider_id, seq) WHERE provider_id IS NOT NULL;

-- Jobs that are not over, counted so that a submission does not count them.
CREATE TABLE tally (
  name {text} PRIMARY KEY,
  n {int} NOT NULL CHECK (n >= 0)
) {strict};
INSERT INTO tally (name, n) VALUES ('open_jobs', 0);

CREATE TABLE excluded (
  job_id {bytes} NOT NULL,
  provider_id {bytes} NOT NULL,
  PRIMARY KEY (job_id, provider_id)
) {strict};

CREATE TABLE lease (
  id {bytes} PRIMARY KEY,
  job_id {bytes} NOT NULL,
  provider_id {bytes} NOT NULL,
  fence {int} NOT NULL,
  state {text} NOT NULL,
  round {int} NOT NULL,
  beacon {bytes} NOT NULL,
  nonce {bytes} NOT NULL,
  offered_ms {int} NOT NULL,
  acked_ms {int} NOT NULL,
  ttl_ms {int} NOT NULL,
  expires_ms {int} NOT NULL,
  deadline_ms {int} NOT NULL,
  received_ms {int} NOT NULL,
  renewals {int} NOT NULL,
  units {int} NOT NULL,
  pay {int} NOT NULL,
  reason {text} NOT NULL,
  signed {text} NOT NULL,
  proof {text} NOT NULL,
  bundle {bytes},
  claim {bytes},
  outcome {text} NOT NULL,
  UNIQUE (job_id, fence)
) {strict};
CREATE UNIQUE INDEX lease_live ON lease (job_id) WHERE state IN ('offered', 'active', 'verifying');
CREATE INDEX lease_expiry ON lease (expires_ms) WHERE state IN ('offered', 'active');
CREATE INDEX lease_verifying ON lease (received_ms) WHERE state = 'verifying';
CREATE INDEX lease_provider ON lease (provider_id, state);

CREATE TABLE nullifier (
  nullifier {bytes} PRIMARY KEY,
  claim {bytes} NOT NULL,
  job_id {bytes} NOT NULL,
  lease_id {bytes} NOT NULL
) {strict};

CREATE TABLE claim_line (
  seq {int} PRIMARY KEY,
  claim {bytes} NOT NULL UNIQUE,
  job_id {bytes} NOT NULL UNIQUE,
  lease_id {bytes} NOT NULL,
  provider_id {bytes} NOT NULL,
  requester {bytes} NOT NULL,
  nullifier {bytes} NOT NULL UNIQUE,
  epoch {int} NOT NULL,
  state {text} NOT NULL,
  settled {int} NOT NULL,
  width {int} NOT NULL,
  depth {int} NOT NULL,
  shots {int} NOT NULL,
  trap_pass {int} NOT NULL,
  trap_fail {int} NOT NULL,
  latency_ms {int} NOT NULL,
  max_latency_ms {int} NOT NULL,
  units {int} NOT NULL,
  payable {int} NOT NULL,
  gross {int} NOT NULL CHECK (gross >= 0),
  provider {int} NOT NULL,
  treasury {int} NOT NULL,
  miner {int} NOT NULL,
  subsidy_due {int} NOT NULL,
  subsidy {int} NOT NULL,
  policy {bytes} NOT NULL,
  cause {text} NOT NULL
) {strict};
CREATE INDEX claim_open ON claim_line (state, seq);
CREATE INDEX claim_provider ON claim_line (provider_id, seq);
CREATE INDEX claim_settled ON claim_line (settled, provider_id);
CREATE INDEX claim_carried ON claim_line (seq) WHERE subsidy_due > 0;

CREATE TABLE round (
  number {int} PRIMARY KEY,
  epoch {int} NOT NULL,
  started_ms {int} NOT NULL,
  closed_ms {int} NOT NULL,
  value {bytes},
  dev {int} NOT NULL,
  commits {int} NOT NULL,
  reveals {int} NOT NULL
) {strict};

CREATE TABLE beacon_entry (
  round {int} NOT NULL,
  provider_id {bytes} NOT NULL,
  commitment {bytes} NOT NULL,
  value {bytes},
  PRIMARY KEY (round, provider_id)
) {strict};

CREATE TABLE epoch (
  number {int} PRIMARY KEY,
  state {text} NOT NULL,
  first_round {int} NOT NULL,
  last_round {int} NOT NULL,
  policy {bytes} NOT NULL,
  claims {int} NOT NULL,
  gross {int} NOT NULL,
  provider {int} NOT NULL,
  treasury {int} NOT NULL,
  miner {int} NOT NULL,
  subsidy {int} NOT NULL,
  cap {int} NOT NULL,
  carried {int} NOT NULL,
  carried_amount {int} NOT NULL,
  slashed {int} NOT NULL,
  batch {bytes},
  root {bytes},
  sig {bytes},
  settled_ms {int} NOT NULL
) {strict};

CREATE TABLE epoch_share (
  epoch {int} NOT NULL,
  provider_id {bytes} NOT NULL,
  amount {int} NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (epoch, provider_id)
) {strict};

CREATE TABLE payout (
  id {bytes} PRIMARY KEY,
  provider_id {bytes} NOT NULL,
  epoch {int} NOT NULL,
  amount {int} NOT NULL CHECK (amount > 0),
  state {text} NOT NULL,
  attempts {int} NOT NULL,
  next_ms {int} NOT NULL,
  created_ms {int} NOT NULL,
  answer {text} NOT NULL,
  UNIQUE (provider_id, epoch)
) {strict};
CREATE INDEX payout_due ON payout (next_ms) WHERE state IN ('pending', 'sent', 'unknown');

CREATE TABLE slash (
  seq {int} PRIMARY KEY,
  id {bytes} NOT NULL UNIQUE,
  provider_id {bytes} NOT NULL,
  job_id {bytes},
  lease_id {bytes},
  reporter {bytes},
  reason {text} NOT NULL,
  evidence {bytes} NOT NULL,
  document {text} NOT NULL,
  amount {int} NOT NULL CHECK (amount >= 0),
  from_bonded {int} NOT NULL CHECK (from_bonded >= 0),
  state {text} NOT NULL,
  epoch {int} NOT NULL,
  appeal_till {int} NOT NULL,
  jail_till {int} NOT NULL,
  cooldown_till {int} NOT NULL,
  window_number {int} NOT NULL,
  proposed_ms {int} NOT NULL,
  resolved_ms {int} NOT NULL,
  resolution {text} NOT NULL
) {strict};
CREATE INDEX slash_provider ON slash (provider_id, seq);
CREATE INDEX slash_open ON slash (appeal_till) WHERE state IN ('held', 'appealed');

CREATE TABLE sla_window (
  provider_id {bytes} NOT NULL,
  number {int} NOT NULL,
  jobs {int} NOT NULL,
  late {int} NOT NULL,
  good {int} NOT NULL,
  leases {int} NOT NULL,
  finished {int} NOT NULL,
  beats {int} NOT NULL,
  missed {int} NOT NULL,
  verdict {text} NOT NULL,
  closed_ms {int} NOT NULL,
  PRIMARY KEY (provider_id, number)
) {strict};

CREATE TABLE sla_sample (
  provider_id {bytes} NOT NULL,
  number {int} NOT NULL,
  job_id {bytes} NOT NULL,
  latency_ms {int} NOT NULL,
  max_latency_ms {int} NOT NULL,
  late {int} NOT NULL,
  good {int} NOT NULL,
  pass_a {int} NOT NULL,
  traps_a {int} NOT NULL,
  rate_a {int} NOT NULL,
  pass_b {int} NOT NULL,
  traps_b {int} NOT NULL,
  rate_b {int} NOT NULL,
  PRIMARY KEY (provider_id, number, job_id)
) {strict};

CREATE TABLE deposit (
  reference {text} PRIMARY KEY,
  account {bytes} NOT NULL,
  amount {int} NOT NULL
) {strict};

CREATE TABLE blob (
  sha3 {bytes} NOT NULL,
  part {int} NOT NULL,
  data {bytes} NOT NULL,
  PRIMARY KEY (sha3, part)
) {strict};

INSERT INTO head (one, seq, hash, now_ms) VALUES (1, 0, {zero32}, 0);
