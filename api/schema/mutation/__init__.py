"""The root `Mutation`: one file a mutation, named after it, with its input and its payload."""

import strawberry

from api.schema.mutation.accept_proposal import AcceptProposalPayload, accept_proposal
from api.schema.mutation.add_city import AddCityPayload, add_city
from api.schema.mutation.close_edition import CloseEditionPayload, close_edition
from api.schema.mutation.create_edition import CreateEditionPayload, create_edition
from api.schema.mutation.delete_edition import DeleteEditionPayload, delete_edition
from api.schema.mutation.publish_edition import PublishEditionPayload, publish_edition
from api.schema.mutation.reject_proposal import RejectProposalPayload, reject_proposal
from api.schema.mutation.reopen_edition import ReopenEditionPayload, reopen_edition
from api.schema.mutation.request_uncertainty import RequestUncertaintyPayload, request_uncertainty
from api.schema.mutation.retry_recomputation import RetryRecomputationPayload, retry_recomputation
from api.schema.mutation.set_review_required import SetReviewRequiredPayload, set_review_required
from api.schema.mutation.submit_methodology import SubmitMethodologyPayload, submit_methodology
from api.schema.mutation.submit_scores import SubmitScoresPayload, submit_scores
from api.schema.mutation.unschedule_edition import UnscheduleEditionPayload, unschedule_edition
from api.schema.mutation.withdraw_proposal import WithdrawProposalPayload, withdraw_proposal


@strawberry.type(description="What can be changed; each needs a bearer token.")
class Mutation:
    submit_scores: SubmitScoresPayload = strawberry.field(
        resolver=submit_scores,
        description="All scores of the call are accepted together, or none is. An editor's wait for an admin where "
        "the edition has `reviewRequired`.",
    )
    accept_proposal: AcceptProposalPayload = strawberry.field(
        resolver=accept_proposal,
        description="For admins: apply a proposal as a submission, checked again; one that is refused waits on.",
    )
    reject_proposal: RejectProposalPayload = strawberry.field(
        resolver=reject_proposal,
        description="For admins: reject a proposal with a reason, which its proposer can read.",
    )
    set_review_required: SetReviewRequiredPayload = strawberry.field(
        resolver=set_review_required,
        description="For admins: whether scores that editors submit to an edition wait for an admin. What waits "
        "already waits on.",
    )
    submit_methodology: SubmitMethodologyPayload = strawberry.field(
        resolver=submit_methodology,
        description="For admins: change an edition's weights, means, Top N or Hidden Champion rule.",
    )
    add_city: AddCityPayload = strawberry.field(
        resolver=add_city,
        description="For admins: compare one more city in an edition. It is ranked once it has an overall score.",
    )
    close_edition: CloseEditionPayload = strawberry.field(
        resolver=close_edition,
        description="For admins: close a published edition whose newest revision is ranked. It takes no more changes, "
        "and corrections of earlier editions do not change its ranking any more.",
    )
    create_edition: CreateEditionPayload = strawberry.field(
        resolver=create_edition,
        description="For admins: make a draft from another edition. Readers do not know it until it is published.",
    )
    publish_edition: PublishEditionPayload = strawberry.field(
        resolver=publish_edition,
        description="For admins: publish a draft whose newest revision is ranked, now or at an instant.",
    )
    withdraw_proposal: WithdrawProposalPayload = strawberry.field(
        resolver=withdraw_proposal,
        description="For editors and admins: take back a proposal of one's own that waits.",
    )
    unschedule_edition: UnscheduleEditionPayload = strawberry.field(
        resolver=unschedule_edition,
        description="For admins: make a scheduled edition a draft again.",
    )
    reopen_edition: ReopenEditionPayload = strawberry.field(
        resolver=reopen_edition,
        description="For admins: take a closing back. It is listed among the corrections with its reason.",
    )
    delete_edition: DeleteEditionPayload = strawberry.field(
        resolver=delete_edition,
        description="For admins: delete a draft with all that is recorded for it. Nothing else can be deleted.",
    )
    retry_recomputation: RetryRecomputationPayload = strawberry.field(
        resolver=retry_recomputation,
        description="For admins: have a parked edition tried again.",
    )
    request_uncertainty: RequestUncertaintyPayload = strawberry.field(
        resolver=request_uncertainty,
        description="For admins: ask a worker how sure the ranks of a ranking are.",
    )
