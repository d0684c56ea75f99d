-- Leases, lines and events name their job by its number too, and their indexes do so in place of its hash: what a match writes lies side by side
-- then, not on a page of its own for each job. Indexes that a match changes and no frequent statement reads are gone.

CREATE TABLE lease_by_number (
  id {bytes} PRIMARY KEY,
  job_seq {int} NOT NULL,
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
  outcome {text} NOT NULL
) {strict};
INSERT INTO lease_by_number (id, job_seq, job_id, provider_id, fence, state, round, beacon, nonce, offered_ms, acked_ms, ttl_ms, expires_ms, deadline_ms,
    received_ms, renewals, units, pay, reason, signed, proof, bundle, claim, outcome)
  SELECT l.id, j.seq, l.job_id, l.provider_id, l.fence, l.state, l.round, l.beacon, l.nonce, l.offered_ms, l.acked_ms, l.ttl_ms, l.expires_ms, l.deadline_ms,
    l.received_ms, l.renewals, l.units, l.pay, l.reason, l.signed, l.proof, l.bundle, l.claim, l.outcome
  FROM lease l JOIN job j ON j.id = l.job_id ORDER BY l.offered_ms, j.seq, l.fence;
DROP TABLE lease;
ALTER TABLE lease_by_number RENAME TO lease;
CREATE UNIQUE INDEX lease_fence ON lease (job_seq, fence);
CREATE UNIQUE INDEX lease_live ON lease (job_seq) WHERE state IN ('offered', 'active', 'verifying');
CREATE INDEX lease_expiry ON lease (expires_ms) WHERE state IN ('offered', 'active');
CREATE INDEX lease_verifying ON lease (received_ms) WHERE state = 'verifying';

ALTER TABLE event ADD COLUMN job_seq {int} NOT NULL DEFAULT 0;
UPDATE event SET job_seq = coalesce((SELECT seq FROM job WHERE id = event.job_id), 0) WHERE job_id IS NOT NULL;
DROP INDEX event_job;
CREATE INDEX event_job ON event (job_seq, seq) WHERE job_seq > 0;

-- A settlement writes the state of a line once: claimable, which counts from the moment on that its epoch is settled. tally.told_line is the last
-- line of the newest settled epoch of which the log says so; it has meaning while untold_lines is above 0.
INSERT INTO tally (name, n) SELECT 'told_line', coalesce(min(seq), 1) - 1 FROM claim_line WHERE state = 'taken';

CREATE TABLE line_by_number (
  seq {int} PRIMARY KEY,
  job_seq {int} NOT NULL,
  claim {bytes} NOT NULL UNIQUE,
  job_id {bytes} NOT NULL,
  lease_id {bytes} NOT NULL,
  provider_id {bytes} NOT NULL,
  requester {bytes} NOT NULL,
  nullifier {bytes} NOT NULL,
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
INSERT INTO line_by_number (seq, job_seq, claim, job_id, lease_id, provider_id, requester, nullifier, epoch, state, settled, width, depth, shots, trap_pass, trap_fail,
    latency_ms, max_latency_ms, units, payable, gross, provider, treasury, miner, subsidy_due, subsidy, policy, cause)
  SELECT c.seq, j.seq, c.claim, c.job_id, c.lease_id, c.provider_id, c.requester, c.nullifier, c.epoch, CASE WHEN c.state = 'taken' THEN 'claimable' ELSE c.state END,
    c.settled, c.width, c.depth, c.shots, c.trap_pass, c.trap_fail, c.latency_ms, c.max_latency_ms, c.units, c.payable, c.gross, c.provider, c.treasury, c.miner,
    c.subsidy_due, c.subsidy, c.policy, c.cause
  FROM claim_line c JOIN job j ON j.id = c.job_id ORDER BY c.seq;
DROP TABLE claim_line;
ALTER TABLE line_by_number RENAME TO claim_line;
CREATE UNIQUE INDEX claim_job ON claim_line (job_seq);
CREATE INDEX claim_open ON claim_line (seq) WHERE state IN ('accrued', 'held');
CREATE INDEX claim_given ON claim_line (settled, seq) WHERE state = 'claimable';
CREATE INDEX claim_settled ON claim_line (settled, provider_id);
CREATE INDEX claim_provider ON claim_line (provider_id, seq);
CREATE INDEX claim_carried ON claim_line (seq) WHERE subsidy_due > 0;

DROP INDEX job_waiting;
DROP INDEX job_expiry;
CREATE INDEX job_open ON job (seq) WHERE state IN ('queued', 'delayed', 'offered', 'leased', 'verifying');
CREATE INDEX job_expiry ON job (expires_ms) WHERE state IN ('queued', 'delayed', 'offered', 'leased', 'verifying');
