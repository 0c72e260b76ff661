-- why a published edition changed, for readers; and proposals that their proposer takes back
-- depends: 0012_edition_life

-- migrate: apply

alter table submission add column correction text;
alter table proposal add column correction text;

alter table proposal drop constraint proposal_status_check;
alter table proposal add constraint proposal_status_check
    check (status in ('pending', 'accepted', 'rejected', 'withdrawn'));

-- migrate: rollback

alter table proposal drop constraint proposal_status_check;
alter table proposal add constraint proposal_status_check check (status in ('pending', 'accepted', 'rejected'));
alter table proposal drop column correction;
alter table submission drop column correction;
