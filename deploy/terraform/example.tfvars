# A small, public deployment. Copy it to terraform.tfvars.
location = "westeurope"
image    = "ghcr.io/your-organization/history-worker:0.1.0"

# Where the image is in an Azure Container Registry, so that "image" begins with YOURREGISTRY.azurecr.io/:
# container_registry_id = "/subscriptions/…/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/YOURREGISTRY"

title_model = {
  name = "gpt-5-mini" # whichever small model your region has: models are retired
}

# The identity of the chat front end, by its object id.
publisher_principal_ids = {
  # front-end = "00000000-0000-0000-0000-000000000000"
}

alert_email = "you@example.com"

# Nothing to pay for while nobody talks: the first event then waits for a start.
# replicas = { min = 0 }

settings = {
  LOG_LEVEL = "INFO"
}
