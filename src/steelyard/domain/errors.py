"""The whole error tree; every class docstring is its default message.

    SteelyardError            code (stable slug), message for a person, status; nothing secret
      RequestError            the caller's fault: InvalidRequest, UnknownModel, Unsupported,
                              TooLarge
      AccessError             who they are: Unauthenticated, Forbidden
      LimitError              carries retry_after_s: BudgetExceeded, RateLimited, Overloaded
      UpstreamError           the vendor's fault: UpstreamTimeout, UpstreamUnavailable,
                              UpstreamRateLimited, UpstreamRejected, CredentialRejected,
                              DialectViolated
      ChoiceError             NoOffer, AllOffersFailed
      AccountingError         our fault, loud: RateMissing, LeaseConflict, UnbalancedEntry,
                              JournalCorrupt, JournalFull
      StoreError              StoreUnavailable, SchemaMismatch
      ConfigError             start only, exit 2; names file, key and a fix
      ModelError              a local model's file or engine; names the file and a fix

A type exists only if someone catches it apart or a client sees another code. Foreign errors are
wrapped once, at the edge, with ``raise ... from``. Nothing secret may enter ``message``.
"""

from __future__ import annotations


class SteelyardError(Exception):
    """Something went wrong inside steelyard."""

    code = "internal_error"
    """Stable slug that programs may match on."""
    status = 500
    """HTTP status a client of the gateway sees."""
    kind = "server_error"
    """The ``type`` field of OpenAI's error shape."""

    def __init__(
        self,
        message: str = "",
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        doc = (type(self).__doc__ or "").partition("\n")[0]
        self.message = message or doc
        self.param = param
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code
        super().__init__(self.message)


class RequestError(SteelyardError):
    """The request cannot be served as it is."""

    code = "invalid_request"
    status = 400
    kind = "invalid_request_error"


class InvalidRequest(RequestError):
    """The request is malformed."""


class UnknownModel(RequestError):
    """No such model."""

    code = "model_not_found"
    status = 404


class Unsupported(RequestError):
    """No offer can do what the request asks for."""

    code = "unsupported"


class TooLarge(RequestError):
    """The request is too large."""

    code = "request_too_large"
    status = 413


class AccessError(SteelyardError):
    """The caller may not do this."""

    code = "forbidden"
    status = 403
    kind = "invalid_request_error"


class Unauthenticated(AccessError):
    """The API key is missing, unknown, expired or revoked."""

    code = "invalid_api_key"
    status = 401


class Forbidden(AccessError):
    """This key may not do this."""


class LimitError(SteelyardError):
    """A limit is reached."""

    code = "limit_reached"
    status = 429
    kind = "rate_limit_error"


class BudgetExceeded(LimitError):
    """The budget is used up."""

    code = "insufficient_quota"
    status = 402
    kind = "insufficient_quota"


class RateLimited(LimitError):
    """Too many requests."""

    code = "rate_limit_exceeded"


class Overloaded(LimitError):
    """The gateway cannot take more calls now."""

    code = "overloaded"
    status = 503
    kind = "server_error"


class UpstreamError(SteelyardError):
    """The vendor failed."""

    code = "upstream_error"
    status = 502
    kind = "upstream_error"


class UpstreamTimeout(UpstreamError):
    """The vendor did not answer in time."""

    code = "upstream_timeout"
    status = 504


class UpstreamUnavailable(UpstreamError):
    """The vendor cannot be reached."""

    code = "upstream_unavailable"


class UpstreamRateLimited(UpstreamError):
    """The vendor's rate limit is reached."""

    code = "upstream_rate_limited"
    status = 429
    kind = "rate_limit_error"


class UpstreamRejected(UpstreamError):
    """The vendor refused the request."""

    code = "upstream_rejected"


class CredentialRejected(UpstreamError):
    """The vendor refused our credential."""

    code = "upstream_credential_rejected"


class DialectViolated(UpstreamError):
    """The vendor's answer breaks its own protocol."""

    code = "upstream_protocol_error"


class ChoiceError(SteelyardError):
    """No offer can take this call."""

    code = "no_offer"
    status = 503
    kind = "server_error"


class NoOffer(ChoiceError):
    """No offer is allowed, healthy and proven for this call."""


class AllOffersFailed(ChoiceError):
    """Every offer that was tried failed."""

    code = "all_offers_failed"
    status = 502


class AccountingError(SteelyardError):
    """The books would not balance."""

    code = "accounting_error"


class RateMissing(AccountingError):
    """The offer has no price for this call; unpriced calls are refused, never booked as zero."""

    code = "unpriced_offer"
    status = 503


class LeaseConflict(AccountingError):
    """The lease is not this worker's."""

    code = "lease_conflict"


class UnbalancedEntry(AccountingError):
    """The parts of an entry do not sum to its whole."""

    code = "unbalanced_entry"


class JournalCorrupt(AccountingError):
    """The journal holds a record that cannot be read."""

    code = "journal_corrupt"


class JournalFull(AccountingError):
    """The journal has no room for another call; free disk space."""

    code = "journal_full"
    status = 503


class StoreError(SteelyardError):
    """The control database failed."""

    code = "store_error"
    status = 503


class StoreUnavailable(StoreError):
    """The control database cannot be reached."""

    code = "store_unavailable"


class SchemaMismatch(StoreError):
    """The control database has another schema than this version of steelyard."""

    code = "schema_mismatch"


class ConfigError(SteelyardError):
    """The configuration is wrong."""

    code = "config_error"
    status = 400
    kind = "invalid_request_error"


class ModelError(SteelyardError):
    """The local model cannot be used."""

    code = "model_error"
    status = 503
