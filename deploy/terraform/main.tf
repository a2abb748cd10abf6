data "azurerm_client_config" "current" {}

locals {
  # Some names are one for all of Azure: the same for the same subscription and name, and nobody else's.
  unique = "${var.name}-${substr(sha256("${data.azurerm_client_config.current.subscription_id}/${var.name}"), 0, 6)}"
}

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
  tags     = var.tags
}

# What the worker is to every service.
resource "azurerm_user_assigned_identity" "worker" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = var.tags
}

# What counts events to scale by: reading the count takes more than receiving, so that it is not the worker's right.
resource "azurerm_user_assigned_identity" "scaler" {
  name                = "${var.name}-scaler"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = var.tags
}
