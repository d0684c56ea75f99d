-- Long texts that no match reads lie in tables of their own: the rows of jobs and providers, which each match writes, are short then.

CREATE TABLE job_text (
  seq {int} PRIMARY KEY,
  document {text} NOT NULL,
  answer {text} NOT NULL
) {strict};
INSERT INTO job_text (seq, document, answer) SELECT seq, document, answer FROM job ORDER BY seq;
ALTER TABLE job DROP COLUMN document;
ALTER TABLE job DROP COLUMN answer;

CREATE TABLE provider_text (
  provider_id {bytes} PRIMARY KEY,
  bundle {text} NOT NULL
) {strict};
INSERT INTO provider_text (provider_id, bundle) SELECT id, bundle FROM provider;
ALTER TABLE provider DROP COLUMN bundle;
