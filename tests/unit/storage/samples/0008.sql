BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0008');
CREATE TABLE alerts (
	rule VARCHAR(200) NOT NULL, 
	subject VARCHAR(400) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	since FLOAT NOT NULL, 
	value FLOAT NOT NULL, 
	bound FLOAT NOT NULL, 
	message TEXT NOT NULL, 
	event VARCHAR(32) NOT NULL, 
	delivered_at FLOAT, 
	claimed_until FLOAT NOT NULL, 
	PRIMARY KEY (rule, subject)
);
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	action VARCHAR(80) NOT NULL, 
	subject TEXT NOT NULL, 
	details TEXT NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE call_sizes (
	model VARCHAR(200) NOT NULL, 
	purpose VARCHAR(200) NOT NULL, 
	output_tokens FLOAT NOT NULL, 
	input_ratio FLOAT NOT NULL, 
	PRIMARY KEY (model, purpose)
);
CREATE TABLE charges (
	id VARCHAR(32) NOT NULL, 
	reserved_at FLOAT NOT NULL, 
	day INTEGER NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	expires_at FLOAT, 
	request VARCHAR(200) NOT NULL, 
	session VARCHAR(200) NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	team VARCHAR(200) NOT NULL, 
	model VARCHAR(200) NOT NULL, 
	purpose VARCHAR(200) NOT NULL, 
	held BIGINT NOT NULL, 
	spent BIGINT NOT NULL, 
	expected_input_tokens BIGINT NOT NULL, 
	granted_output_tokens BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cache_read_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "charges" VALUES('9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c',1772000000.0,20509,'settled',NULL,'7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b','5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a','ana','','','openai:gpt-5-mini','answer',2000000000,1250000000,3000,500,3000,250,0,0,0);
CREATE TABLE deliveries (
	tracker VARCHAR(300) NOT NULL, 
	id VARCHAR(200) NOT NULL, 
	body VARCHAR(64) NOT NULL, 
	subject VARCHAR(400) NOT NULL, 
	at FLOAT NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	event TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at FLOAT NOT NULL, 
	held_until FLOAT NOT NULL, 
	problem TEXT NOT NULL, 
	PRIMARY KEY (tracker, id)
);
INSERT INTO "deliveries" VALUES('github:a/b','d1','0000000000000000000000000000000000000000000000000000000000000000','github:a/b#1',1700000000.0,'done','',1,0.0,0.0,'');
CREATE TABLE feedback (
	run VARCHAR(64) NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	at FLOAT NOT NULL, 
	thumb VARCHAR(4) NOT NULL, 
	correction TEXT NOT NULL, 
	files TEXT NOT NULL, 
	PRIMARY KEY (run, user), 
	FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "feedback" VALUES('7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b','ana',1767607300.0,'down','In parcels/prices.py.','["parcels/prices.py"]');
CREATE TABLE idempotent_requests (
	caller VARCHAR(200) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	request VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	status INTEGER, 
	media_type VARCHAR(100) NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (caller, "key")
);
CREATE TABLE job_runners (
	id VARCHAR(100) NOT NULL, 
	seen_at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE jobs (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	repository VARCHAR(64) NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	request TEXT NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	same VARCHAR(64), 
	busy VARCHAR(64), 
	handed INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	runner VARCHAR(100) NOT NULL, 
	is_cancelled INTEGER NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	caller VARCHAR(200) NOT NULL, 
	created_at FLOAT NOT NULL, 
	started_at FLOAT, 
	finished_at FLOAT, 
	phase VARCHAR(100) NOT NULL, 
	done BIGINT NOT NULL, 
	total BIGINT NOT NULL, 
	unit VARCHAR(20) NOT NULL, 
	result TEXT, 
	problem TEXT, 
	UNIQUE (id), 
	UNIQUE (same), 
	UNIQUE (busy)
);
CREATE TABLE keys (
	id VARCHAR(32) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	repositories TEXT, 
	requests_per_minute INTEGER, 
	usd_per_month BIGINT, 
	created_at FLOAT NOT NULL, 
	expires_at FLOAT, 
	revoked_at FLOAT, 
	used_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "keys" VALUES('a1b2c3d4e5f6','0000000000000000000000000000000000000000000000000000000000000000','ci','build','reader',NULL,60,5000000000000,1700000000.0,NULL,NULL,NULL);
CREATE TABLE replies (
	"key" VARCHAR(64) NOT NULL, 
	made_at FLOAT NOT NULL, 
	used_at FLOAT NOT NULL, 
	model VARCHAR(200) NOT NULL, 
	reply BLOB NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "replies" VALUES('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1767607200.0,1767607200.0,'openai:gpt-5-mini',X'7B2274657874223A2278227D');
CREATE TABLE runs (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	started_at FLOAT NOT NULL, 
	took_ms FLOAT NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	cost BIGINT NOT NULL, 
	question TEXT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b','ask','ana',1767607200.5,0.385,'answered',250000100000,'where are rates kept?','{"format":"loccit-run/1","id":"7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b","kind":"ask","user":"ana","session":"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a","started_at":"2026-01-05T10:00:00.500000Z","took_ms":0.385,"question":"where are rates kept?","outcome":"answered","error":"","cost_usd":"0.2500001","calls":[{"model":"openai:big","answered_by":"","purpose":"answer","prompt":"answer@1","origin":"model","input_tokens":0,"output_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,"cost_usd":"0.25","took_ms":0.142,"error":"ModelUnavailable","message":"overloaded"},{"model":"openai:small","answered_by":"openai:small","purpose":"repair","prompt":"repair@2","origin":"model","input_tokens":1000,"output_tokens":200,"cache_read_tokens":800,"cache_write_tokens":0,"reasoning_tokens":64,"cost_usd":"1E-7","took_ms":0.075,"error":"","message":""},{"model":"openai:small","answered_by":"openai:small","purpose":"answer","prompt":"answer@1","origin":"cache","input_tokens":0,"output_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0,"cost_usd":"0","took_ms":0.033,"error":"","message":""}],"prompts":["answer@1","repair@2"],"settings":{},"verdicts":{},"timings_ms":{"search":0.013,"call":0.175,"check":0.088},"spans":[{"number":0,"parent":-1,"name":"search","started_ms":0.024,"took_ms":0.013,"attributes":{"hits":12},"error":""},{"number":1,"parent":-1,"name":"call","started_ms":0.086,"took_ms":0.142,"attributes":{"provider":"openai","model":"openai:big","purpose":"answer","prompt":"answer@1","cost_usd":"0.25","message":"overloaded"},"error":"ModelUnavailable"},{"number":2,"parent":-1,"name":"check","started_ms":0.257,"took_ms":0.088,"attributes":{},"error":""},{"number":3,"parent":2,"name":"call","started_ms":0.266,"took_ms":0.075,"attributes":{"provider":"openai","model":"openai:small","purpose":"repair","prompt":"repair@2","answered_by":"openai:small","origin":"model","finish":"stop","cost_usd":"1E-7","input_tokens":1000,"output_tokens":200,"cache_read_tokens":800,"cache_write_tokens":0,"reasoning_tokens":64},"error":""},{"number":4,"parent":-1,"name":"call","started_ms":0.352,"took_ms":0.033,"attributes":{"provider":"openai","model":"openai:small","purpose":"answer","prompt":"answer@1","answered_by":"openai:small","origin":"cache","finish":"stop","cost_usd":"0","input_tokens":0,"output_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0,"reasoning_tokens":0},"error":""}],"answer":null,"answer_digest":""}');
CREATE TABLE scores (
	run VARCHAR(64) NOT NULL, 
	metric VARCHAR(80) NOT NULL, 
	checker VARCHAR(200) NOT NULL, 
	version VARCHAR(200) NOT NULL, 
	value FLOAT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (run, metric, checker), 
	FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "scores" VALUES('7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b','groundedness','loccit.local','1',1.0,1700000000.0);
CREATE TABLE sessions (
	id VARCHAR(64) NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "sessions" VALUES('5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a','ana',1767607200.0);
CREATE TABLE spending (
	"of" VARCHAR(8) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	day INTEGER NOT NULL, 
	spent BIGINT NOT NULL, 
	held BIGINT NOT NULL, 
	PRIMARY KEY ("of", name, day)
);
INSERT INTO "spending" VALUES('total','',20509,1250000000,0);
CREATE TABLE triaged_issues (
	tracker VARCHAR(300) NOT NULL, 
	issue VARCHAR(100) NOT NULL, 
	repo VARCHAR(500) NOT NULL, 
	seen_at FLOAT NOT NULL, 
	text_sha256 VARCHAR(64) NOT NULL, 
	is_quiet INTEGER NOT NULL, 
	triaged_at FLOAT, 
	mode VARCHAR(8) NOT NULL, 
	run VARCHAR(64) NOT NULL, 
	triage TEXT NOT NULL, 
	said TEXT NOT NULL, 
	comment VARCHAR(100) NOT NULL, 
	written VARCHAR(64) NOT NULL, 
	fixed_at FLOAT, 
	fix VARCHAR(200) NOT NULL, 
	fix_files TEXT NOT NULL, 
	duplicate_of VARCHAR(100) NOT NULL, 
	not_duplicate INTEGER NOT NULL, 
	corrected_files TEXT NOT NULL, 
	PRIMARY KEY (tracker, issue)
);
CREATE TABLE turns (
	session VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	run VARCHAR(64) NOT NULL, 
	asked_at FLOAT NOT NULL, 
	question TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	PRIMARY KEY (session, number)
);
INSERT INTO "turns" VALUES('5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a',1,'7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b',1767607201.5,'where are rates kept?','{"abstention":null,"claims":[{"citations":[],"kind":"statement","text":"It is done in parcels/rates.py.","verdict":{"checker":"local","label":"supported","score":0.9,"version":"1"},"why":[]}],"confidence":0.75,"digest":"c2bcad6e6faaca16bcb4abc58a0a6b714f90fdb5d8c99f88013335f03f7f4649","dropped":[{"text":"It never fails.","verdict":{"checker":"local","label":"unsupported","score":0.1,"version":"1"}}],"format":"loccit-answer/1","outcome":"answered","question":"where are rates kept?","run":{"cost_usd":0,"index_age_s":null,"started_at":"2026-01-05T10:00:00Z","timings_ms":{"search":3.5},"trace_id":"00000000000000000000000000000000","version":"0"},"snapshots":[]}');
CREATE TABLE waiting (
	ticket INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	seen_at FLOAT NOT NULL, 
	amount BIGINT NOT NULL, 
	budgets TEXT NOT NULL
);
CREATE INDEX replies_by_use ON replies (used_at);
CREATE INDEX charges_by_day ON charges (day);
CREATE INDEX charges_by_expiry ON charges (expires_at);
CREATE INDEX runs_by_time ON runs (started_at);
CREATE INDEX runs_by_user ON runs (user, started_at);
CREATE INDEX feedback_by_user ON feedback (user);
CREATE INDEX idempotent_requests_by_time ON idempotent_requests (at);
CREATE INDEX scores_by_metric ON scores (metric, at);
CREATE UNIQUE INDEX deliveries_by_body ON deliveries (tracker, body);
CREATE INDEX deliveries_by_due ON deliveries (state, due_at);
CREATE INDEX deliveries_by_subject ON deliveries (subject, state);
CREATE INDEX deliveries_by_time ON deliveries (at);
CREATE INDEX triaged_issues_by_repo ON triaged_issues (repo, triaged_at);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_repository ON jobs (repository, number);
DELETE FROM "sqlite_sequence";
COMMIT;
