resource "azurerm_cognitive_account" "titles" {
  name                          = local.unique
  resource_group_name           = azurerm_resource_group.this.name
  location                      = azurerm_resource_group.this.location
  kind                          = "OpenAI"
  sku_name                      = "S0"
  custom_subdomain_name         = local.unique
  local_auth_enabled            = false
  public_network_access_enabled = !var.private_networking
  tags                          = var.tags
}

resource "azurerm_cognitive_deployment" "titles" {
  name                 = "titles"
  cognitive_account_id = azurerm_cognitive_account.titles.id

  model {
    format  = "OpenAI"
    name    = var.title_model.name
    version = var.title_model.version
  }

  sku {
    name     = var.title_model.sku
    capacity = var.title_model.capacity
  }
}
