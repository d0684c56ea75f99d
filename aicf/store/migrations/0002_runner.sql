-- Keys inside TEEs that leases are sealed to. An open nonce is replaced by the next one that the provider asks for.

CREATE TABLE runner_nonce (
  provider_id {bytes} PRIMARY KEY,
  nonce {bytes} NOT NULL,
  until_ms {int} NOT NULL
) {strict};

CREATE TABLE runner (
  id {bytes} PRIMARY KEY,
  provider_id {bytes} NOT NULL,
  seq {int} NOT NULL,
  document {text} NOT NULL,
  measurement {bytes} NOT NULL,
  dev {int} NOT NULL,
  since_ms {int} NOT NULL,
  until_ms {int} NOT NULL
) {strict};
CREATE INDEX runner_provider ON runner (provider_id, seq);
CREATE INDEX runner_until ON runner (until_ms);
