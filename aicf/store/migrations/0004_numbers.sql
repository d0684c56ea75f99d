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

ALTER TABLE claim_line ADD COLUMN job_seq {int} NOT NULL DEFAULT 0;
UPDATE claim_line SET job_seq = coalesce((SELECT seq FROM job WHERE id = claim_line.job_id), 0);

DROP INDEX job_waiting;
DROP INDEX job_expiry;
CREATE INDEX job_open ON job (seq) WHERE state IN ('queued', 'delayed', 'offered', 'leased', 'verifying');
CREATE INDEX job_expiry ON job (expires_ms) WHERE state IN ('queued', 'delayed', 'offered', 'leased', 'verifying');
