resource "azurerm_cosmosdb_account" "this" {
  name                               = local.unique
  resource_group_name                = azurerm_resource_group.this.name
  location                           = azurerm_resource_group.this.location
  offer_type                         = "Standard"
  kind                               = "GlobalDocumentDB"
  minimal_tls_version                = "Tls12"
  local_authentication_enabled       = false
  access_key_metadata_writes_enabled = false
  public_network_access_enabled      = !var.private_networking
  automatic_failover_enabled         = length(var.cosmos_read_locations) > 0
  tags                               = var.tags

  # The worker refuses an account with several: a conditional write holds in one region only.
  multiple_write_locations_enabled = false

  consistency_policy {
    consistency_level = "Session"
  }

  geo_location {
    location          = azurerm_resource_group.this.location
    failover_priority = 0
  }

  dynamic "geo_location" {
    for_each = var.cosmos_read_locations
    content {
      location          = geo_location.value
      failover_priority = geo_location.key + 1
    }
  }

  dynamic "capabilities" {
    for_each = var.cosmos_max_throughput == null ? ["EnableServerless"] : []
    content {
      name = capabilities.value
    }
  }

  # The last seven days at no cost.
  backup {
    type = "Continuous"
    tier = "Continuous7Days"
  }
}

resource "azurerm_cosmosdb_sql_database" "this" {
  name                = var.cosmos_database
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
}

resource "azurerm_cosmosdb_sql_container" "conversations" {
  name                = var.cosmos_container
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
  database_name       = azurerm_cosmosdb_sql_database.this.name
  partition_key_paths = ["/userId"]
  # Version 1 tells user ids apart by their first 101 bytes only.
  partition_key_version = 2
  default_ttl           = var.cosmos_items_may_expire ? -1 : null

  dynamic "autoscale_settings" {
    for_each = var.cosmos_max_throughput == null ? [] : [var.cosmos_max_throughput]
    content {
      max_throughput = autoscale_settings.value
    }
  }

  # Nobody looks for a conversation by what a message says, and each indexed field of each message would be paid for at each write.
  indexing_policy {
    indexing_mode = "consistent"

    included_path {
      path = "/*"
    }

    excluded_path {
      path = "/messages/*"
    }

    excluded_path {
      path = "/segments/*"
    }

    excluded_path {
      path = "/\"_etag\"/?"
    }
  }
}
