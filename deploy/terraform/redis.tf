resource "azurerm_managed_redis" "this" {
  name                      = local.unique
  resource_group_name       = azurerm_resource_group.this.name
  location                  = azurerm_resource_group.this.location
  sku_name                  = var.redis_sku
  high_availability_enabled = var.redis_high_availability
  public_network_access     = var.private_networking ? "Disabled" : "Enabled"
  tags                      = var.tags

  default_database {
    access_keys_authentication_enabled = false
    client_protocol                    = "Encrypted"
    # One address for all keys. The worker works with OSSCluster too; other clients may not.
    clustering_policy = "EnterpriseCluster"
    # When memory runs out, what would expire first goes first: it is the oldest, and most likely in history already.
    eviction_policy = "VolatileTTL"
  }
}
