variable "location" {
  description = "Azure region of everything, by its short name (westeurope)."
  type        = string
}

variable "image" {
  description = "The worker's image, by digest or exact tag: what \"latest\" is may change between two starts."
  type        = string

  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[^:/]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "The image must end with a tag other than latest, or with a digest."
  }
}

variable "container_registry_id" {
  description = "Resource id of the Azure Container Registry that the image is pulled from, with the worker's identity. Null: a public one."
  type        = string
  default     = null

  validation {
    condition     = var.container_registry_id == null || can(regex("^[a-z0-9-]+\\.azurecr\\.[a-z]+/", var.image))
    error_message = "The image must begin with that registry's login server, in lower case: NAME.azurecr.io/…"
  }
}

variable "name" {
  description = "Begins the name of each resource."
  type        = string
  default     = "history-worker"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "The name must have 3 to 20 lower case letters, digits and hyphens, and begin with a letter."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

# Titles

variable "title_model" {
  description = "The model that titles come from: a small one will do. It has no default, since models are retired: docs/deployment.md has the command that tells today's. Capacity is in thousands of tokens a minute; a title takes about 400."
  type = object({
    name     = string
    version  = optional(string)
    sku      = optional(string, "GlobalStandard")
    capacity = optional(number, 50)
  })
}

# The worker

variable "replicas" {
  description = "Instances: with min 0 the worker costs nothing while there are no events, and the first one waits for up to half a minute and a start."
  type = object({
    min               = optional(number, 1)
    max               = optional(number, 10)
    events_per_worker = optional(number, 200)
  })
  default = {}

  validation {
    condition     = var.replicas.min >= 0 && var.replicas.max >= max(1, var.replicas.min) && var.replicas.events_per_worker >= 1
    error_message = "Expected 0 <= min <= max, max >= 1 and events_per_worker >= 1."
  }
}

variable "cpu" {
  description = "Processors of an instance."
  type        = number
  default     = 0.5
}

variable "memory" {
  description = "Memory of an instance: Container Apps take 2 GiB a processor. docs/scaling.md has what was measured."
  type        = string
  default     = "1Gi"
}

variable "settings" {
  description = "Further variables of the worker (docs/configuration.md), such as MAX_CONCURRENCY. None that this configuration sets itself, no keys, and nothing secret."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name in keys(var.settings) : !can(regex("KEY$|PASSWORD$|CONNECTION_STRING$|TOKEN$|HEADERS$|^SHUTDOWN_TIMEOUT_SECONDS$", name))
    ])
    error_message = "Keys have no place here: every service is reached with the worker's identity. What is secret belongs to secret_settings. The time for shutting down is shutdown_timeout_seconds."
  }
}

variable "secret_settings" {
  description = "Those that are secret, as CONSOLE_TOKEN and OTEL_EXPORTER_OTLP_HEADERS: hidden from who may only look at the app. They stand in Terraform's state."
  type        = map(string)
  default     = {}
  sensitive   = true

  validation {
    condition = alltrue([
      for name in keys(var.secret_settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("KEY$|PASSWORD$|CONNECTION_STRING$", name))
    ])
    error_message = "Expected names of variables, as CONSOLE_TOKEN, and no keys: every service is reached with the worker's identity."
  }
}

variable "shutdown_timeout_seconds" {
  description = "Time to finish what is in hand after SIGTERM; the platform is asked for 15 s more."
  type        = number
  default     = 60

  validation {
    condition     = var.shutdown_timeout_seconds >= 1 && var.shutdown_timeout_seconds <= 585
    error_message = "Expected seconds from 1 to 585: Container Apps grant at most 600 in all."
  }
}

variable "sweep_schedule" {
  description = "When pages that a crash left behind are deleted, as a cron expression in UTC. Null: never."
  type        = string
  default     = "17 3 * * 0"
}

# Service Bus

variable "topic" {
  description = "Topic of the events."
  type        = string
  default     = "message-completed"
}

variable "subscription" {
  description = "The worker's subscription of the topic."
  type        = string
  default     = "history-worker-message-completed"
}

variable "service_bus_sku" {
  description = "Standard or Premium. Private networking needs Premium."
  type        = string
  default     = "Standard"

  validation {
    condition     = var.service_bus_sku == "Premium" || (var.service_bus_sku == "Standard" && !var.private_networking)
    error_message = "Expected Standard or Premium; private networking needs Premium."
  }
}

variable "lock_duration" {
  description = "How long an event stays locked without a renewal, as an ISO 8601 duration: what a killed worker held comes again after it."
  type        = string
  default     = "PT1M"
}

variable "requires_session" {
  description = "Whether the subscription has sessions, so that the events of one conversation are worked in order: the publisher must then set a session id. It cannot be changed later."
  type        = bool
  default     = false
}

# Cosmos DB

variable "cosmos_database" {
  description = "Database of the history."
  type        = string
  default     = "chat"
}

variable "cosmos_container" {
  description = "Container of the history."
  type        = string
  default     = "conversations"
}

variable "cosmos_max_throughput" {
  description = "Request units a second up to which the container scales by itself, in steps of 1,000; a tenth is paid for at least. Null: serverless. It cannot be changed between the two later."
  type        = number
  default     = 1000
}

variable "cosmos_read_locations" {
  description = "Further regions, which are read from. There is one write region: conditional writes hold only there."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.cosmos_read_locations) == 0 || var.cosmos_max_throughput != null
    error_message = "A serverless account has one region."
  }
}

variable "cosmos_items_may_expire" {
  description = "Whether an item with a ttl of its own expires. There is no ttl for all: the pages of a long conversation are written once, and would expire before what lists them."
  type        = bool
  default     = false
}

# Redis

variable "redis_sku" {
  description = "Size of Azure Managed Redis."
  type        = string
  default     = "Balanced_B0"
}

variable "redis_high_availability" {
  description = "Whether Redis has a second node. Without it a restart of the node forgets what was not persisted yet."
  type        = bool
  default     = true
}

# Who else

variable "publisher_principal_ids" {
  description = "Object ids of the identities that publish: they may send to the topic, and read and write Redis."
  type        = map(string)
  default     = {}
}

variable "alert_email" {
  description = "Who is told of alerts. Null: they only show in the portal."
  type        = string
  default     = null
}

variable "console_logs" {
  description = "Whether what the worker prints is kept in Log Analytics too. The same lines go to Application Insights, with their traces."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "How long logs, traces and metrics are kept."
  type        = number
  default     = 30
}

# Network

variable "private_networking" {
  description = "Whether Service Bus, Cosmos DB, Redis and the model are reached over private endpoints only. It cannot be changed later without a new environment."
  type        = bool
  default     = false
}

variable "address_space" {
  description = "Addresses of the network, a /24 or larger. It matters only with private networking."
  type        = string
  default     = "10.80.0.0/24"
}
